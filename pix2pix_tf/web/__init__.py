"""What the served pages of the study and the demo share.

`app` makes their Starlette applications, `server` runs one with Uvicorn, `loopback` says which hosts
only this machine can reach.
"""
