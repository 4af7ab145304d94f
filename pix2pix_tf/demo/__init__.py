"""The exported web page with the model on a server, for models too large for a browser.

`uploads` reads images from requests, within limits; `app` is the page's server; `serving` runs it
for a run directory. The page is that of `pix2pix_tf.exporters.web`, except for `page/model.js`.
"""
