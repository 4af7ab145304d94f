"""Shared code of the served pages (study and demo).

`app` creates their Starlette applications, `server` runs an application with Uvicorn, and
`loopback` determines which hosts only this machine can reach.
"""
