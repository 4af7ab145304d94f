"""Odd requests to the pages: each is answered or refused, with the headers, and never fails."""

import asyncio
import os
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from pix2pix_tf.config.schema import make_config
from pix2pix_tf.data.input_source import InputSource
from pix2pix_tf.demo import app as demo
from pix2pix_tf.images.io import write_image
from pix2pix_tf.images.value_range import EIGHT_BIT
from pix2pix_tf.study import app as study
from pix2pix_tf.study.create import create_study
from pix2pix_tf.study.settings import Protocol
from pix2pix_tf.web.app import HEADERS

pytestmark = pytest.mark.slow("tries many cases")

LONG = bool(os.environ.get("PIX2PIX_TF_FUZZ"))
PATHS = "/ /page.json /example.png /translate /image /state /session /trials/0/first /trials/0"
PATHS += (
    " /trials/-1 /trials/99999999999999999999/first /../config.yaml /study.yaml /answers.sqlite"
)
HEADER = st.sampled_from(
    [
        (b"content-type", b"application/json"),
        (b"content-type", b"image/png"),
        (b"content-type", b"\xff;;=\x00"),
        (b"content-length", b"-1"),
        (b"cookie", b"study-=x; =; \xff"),
        (b"range", b"bytes=0-0"),
        (b"if-none-match", b"*"),
        (b"origin", b"null"),
        (b"sec-fetch-site", b"cross-site"),
    ]
)
ODD_PATHS = st.one_of(
    st.sampled_from(PATHS.split()),
    st.text(max_size=12).map(lambda text: f"/{text}"),
    st.text(max_size=8).map(lambda text: f"/trials/{text}"),
    st.text(max_size=8).map(lambda text: f"/trials/{text}/first"),
)
REQUESTS = st.fixed_dictionaries(
    {
        "method": st.sampled_from(["GET", "HEAD", "POST", "PUT", "OPTIONS", "TRACE", "X"]),
        "path": ODD_PATHS,
        "query": st.one_of(st.binary(max_size=12), st.just(b"seed=" + b"9" * 5000)),
        "headers": st.lists(HEADER, max_size=4),
        "body": st.lists(
            st.one_of(
                st.binary(max_size=40),
                st.sampled_from(
                    [
                        b"{}",
                        b'{"invite": 3}',
                        b'{"invite": "\\ud800"}',
                        b"[" * 3000,
                        b"\xff",
                        b"NaN",
                    ]
                ),
            ),
            max_size=3,
        ),
    }
)


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pages")
    black = np.zeros((16, 16, 3), np.uint8)
    for side in ("real", "fake"):
        (folder / side).mkdir()
        for number in range(3):
            write_image(folder / side / f"{number}.png", black)
    protocol = Protocol(practice=0, trials=3, seconds=0.05)
    made = create_study(
        folder / "study", "x", folder / "real", {"L1": folder / "fake"}, protocol=protocol
    )
    config = make_config(
        {
            "data": {"dataset": "sample", "load_size": 32, "crop_size": 32},
            "discriminator": {"receptive_field": 34},
        }
    )
    translator = SimpleNamespace(
        config=config, values=EIGHT_BIT, source=InputSource(config), target_suffix=".png"
    )
    return study.make_app(made.folder), demo.make_app(translator, "x", [black])


@settings(
    max_examples=3000 if LONG else 60,
    derandomize=not LONG,
    phases=[Phase.generate, Phase.shrink],
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
@given(request=REQUESTS)
def test_requests_are_answered_or_refused(pages, request):
    for app in pages:
        status, headers, body = asyncio.run(_asked(app, **request))
        assert status < 500
        assert {(name, value) for name, value in HEADERS.items()} <= set(headers)
        assert b"Traceback" not in body
        assert b"pix2pix_tf/" not in body


async def _asked(app, method, path, query, headers, body):
    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "raw_path": path.encode(errors="replace"),
        "query_string": query,
        "headers": headers,
        "scheme": "http",
        "http_version": "1.1",
        "server": ("127.0.0.1", 80),
        "client": ("127.0.0.1", 9),
        "root_path": "",
    }
    parts = [{"type": "http.request", "body": part, "more_body": True} for part in body]
    parts.append({"type": "http.request", "body": b"", "more_body": False})
    sent = []

    async def receive():
        while not parts:
            await asyncio.sleep(3600)
        return parts.pop(0)

    async def send(message):
        sent.append(message)

    await app(scope, receive, send)
    named = [(name.decode(), value.decode()) for name, value in sent[0]["headers"]]
    return sent[0]["status"], named, b"".join(message.get("body", b"") for message in sent[1:])
