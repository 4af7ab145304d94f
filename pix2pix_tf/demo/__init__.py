"""The exported web page with the server's model behind it, for models too large for a browser.

`reading` takes pictures from requests, within limits; `app` is the page's server; `serving` runs it
for a run directory. The page is that of `pix2pix_tf.exporters.web`, but for `page/model.js`.
"""
