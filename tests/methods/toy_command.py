"""`python -m tests.methods.toy_command ...`: the command `pix2pix-tf`, which knows the toys too."""

from pix2pix_tf.cli.main import main
from tests.methods.toys import register

if __name__ == "__main__":
    register()
    main()
