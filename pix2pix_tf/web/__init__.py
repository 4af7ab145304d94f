"""Shared code of the served pages (study and demo).

`app` makes their Starlette applications, `server` runs one with Uvicorn, and `loopback` says which
hosts only this machine can reach.
"""
