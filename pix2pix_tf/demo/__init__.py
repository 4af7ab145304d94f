"""The exported web page with the model running on a server, for models too large for a browser.

`uploads` reads images from requests, with limits on their sizes; `app` is the page's server;
`serving` runs it for a run directory. The page is that of `pix2pix_tf.exporters.web`, except for
`page/model.js`.
"""
