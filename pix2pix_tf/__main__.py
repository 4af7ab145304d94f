"""`python -m pix2pix_tf`: the same as the command `pix2pix-tf`."""

from __future__ import annotations

from pix2pix_tf.cli.main import main

if __name__ == "__main__":
    main()
