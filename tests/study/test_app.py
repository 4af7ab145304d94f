"""What the server answers, asked over HTTP."""

import sqlite3
import sys
import time
from collections import Counter

import pytest

from pix2pix_tf.study.app import PAGE, make_app
from pix2pix_tf.study.create import Invitation
from pix2pix_tf.study.database import AnswerDatabase
from pix2pix_tf.study.requests import MAX_BODY_BYTES
from pix2pix_tf.study.serving import serve
from pix2pix_tf.study.settings import Protocol
from pix2pix_tf.utils.errors import UserError
from tests.study.participants import QUICK, Participant, in_thread, seen, tiny_study


@pytest.fixture
def study(tmp_path):
    return tiny_study(tmp_path)


@pytest.fixture
def address(study):
    with in_thread(study) as address:
        yield address


@pytest.fixture
def someone(address):
    with Participant(address) as participant:
        yield participant


def answered(study):
    answers = AnswerDatabase(study.answers_file)
    found = answers.answered()
    answers.close()
    return found


def test_state_says_what_is_asked_and_not_of_whom(someone, study):
    status, state = someone.get("/state")
    assert status == 200
    assert state == {
        "practice": 2,
        "trials": 3,
        "seconds": 0.05,
        "height": 8,
        "width": 8,
        "about": None,
        "invite": "none",
        "next": None,
    }
    assert someone.start() == (200, {"started": True})
    assert someone.next() == 0


def test_whole_session_shows_real_and_fake_of_one_algorithm(someone, study):
    someone.start()
    shown = []
    for number in range(5):
        first, second = someone.looks(number)
        sides = {first[0], second[0]}
        assert "real" in sides
        assert first[1] != second[1]  # QUICK asks for different inputs
        shown.append((sides - {"real"}).pop())
        status, told = someone.answers(number, "first")
        assert status == 200
        fake = "second" if first[0] == "real" else "first"
        assert told == {"next": number + 1, **({"fake": fake} if number < 2 else {})}
    assert len(set(shown)) == 1
    assert someone.next() == 5
    assert [one.algorithm for one in answered(study)] == [shown[0]] * 3


def test_images_of_the_same_input(tmp_path):
    study = tiny_study(tmp_path, Protocol(practice=0, trials=2, seconds=0.05), ["L1"])
    with in_thread(study) as address, Participant(address) as someone:
        someone.start()
        for number in range(2):
            first, second = someone.looks(number)
            assert first[1] == second[1]
            assert {first[0], second[0]} == {"real", "L1"}
            someone.answers(number)


def test_images_are_to_be_seen_in_their_turn_only(someone):
    assert someone.get("/trials/0/first")[0] == 401
    someone.start()
    assert [someone.get(f"/trials/{n}/first")[0] for n in range(4)] == [200, 200, 404, 404]
    someone.answers(0)
    assert [someone.get(f"/trials/{n}/second")[0] for n in range(4)] == [404, 200, 200, 404]
    assert someone.headers["cache-control"] == "no-store"
    for number in range(1, 5):
        someone.answers(number)
    assert [someone.get(f"/trials/{n}/first")[0] for n in (4, 5, 6)] == [404, 404, 404]


def test_answer_sent_twice_counts_once_and_the_first_stays(someone, study):
    someone.start()
    first = [someone.answers(number, "first") for number in range(5)]
    again = [someone.answers(number, "second", showings=7) for number in range(5)]
    # Told as before, but for where the session is by now.
    assert [told.get("fake") for _, told in again] == [told.get("fake") for _, told in first]
    assert {told["next"] for _, told in again} == {5}
    assert [one.answer.chose_first for one in answered(study)] == [True] * 3
    assert [one.answer.showings for one in answered(study)] == [1] * 3


def test_answers_come_in_order(someone):
    someone.start()
    status, told = someone.answers(1)
    assert (status, told["next"]) == (409, 0)
    someone.takes_part()
    assert someone.answers(5)[0] == 409


def test_times_are_stored_and_impossible_ones_refused(someone, study):
    someone.start()
    for number in range(2):
        someone.answers(number)
    assert someone.answers(2, first_ms=20)[0] == 400
    assert "have passed" in someone.answers(2, response_ms=5000)[1]["error"]
    assert someone.next() == 2
    assert someone.answers(2, first_ms=51.25, second_ms=49.5, response_ms=7, showings=2)[0] == 200
    for number in (3, 4):
        someone.answers(number)
    answer = answered(study)[0].answer
    assert (answer.first_ms, answer.second_ms, answer.response_ms) == (51.25, 49.5, 7)
    assert answer.showings == 2


@pytest.mark.parametrize(
    "changes",
    [
        {"fake": "third"},
        {"fake": None},
        {"first_ms": -1},
        {"first_ms": "50"},
        {"first_ms": 1e12},
        {"first_ms": float("nan")},
        {"first_ms": None},
        {"showings": 0},
        {"showings": 1.5},
        {"more": 1},
    ],
)
def test_answers_that_make_no_sense_are_refused(someone, changes):
    someone.start()
    status, said = someone.answers(0, **changes)
    assert status == 400
    assert next(iter(changes)) in said["error"]
    assert someone.next() == 0


def test_bodies_have_limits(someone):
    big = b'{"invite": "' + b"x" * MAX_BODY_BYTES + b'"}'
    assert someone.ask("POST", "/session", big)[0] == 413
    assert someone.ask("POST", "/session", b"[" * 4000)[0] == 400
    assert someone.ask("POST", "/session", b"\xff")[0] == 400
    form = {"content-type": "application/x-www-form-urlencoded"}
    assert someone.ask("POST", "/session", b"invite=a", form)[0] == 415
    assert someone.next() is None


@pytest.mark.parametrize(
    "path",
    [
        "/study.yaml",
        "/answers.sqlite",
        "/../study.yaml",
        "/..%2fstudy.yaml",
        "/trials/0/..%2f..%2fstudy.yaml",
        "/trials/0/../first",
        "/trials/-1/first",
        "/trials/1e3/first",
        "/trials/%D9%A3/first",  # a decimal digit, and not of ours
        f"/trials/{'9' * 5000}/first",
        "/images/real/00000.png",
        "/page/study.js",
        "//etc/passwd",
    ],
)
def test_no_path_reaches_the_file_system(someone, path):
    someone.start()
    assert someone.get(path)[0] == 404


def test_every_answer_has_the_headers(someone):
    someone.start()
    asked = [("GET", path) for path in ("/", "/study.js", "/state", "/nowhere", "/trials/0/first")]
    statuses = []
    for method, path in [*asked, ("DELETE", "/state"), ("POST", "/session")]:
        statuses.append(someone.ask(method, path)[0])
        policy = someone.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'")
        assert "http" not in policy
        assert "unsafe" not in policy
        assert someone.headers["x-content-type-options"] == "nosniff"
        assert someone.headers["referrer-policy"] == "no-referrer"
    assert statuses == [200, 200, 200, 404, 200, 405, 415]


def test_page_loads_nothing_from_elsewhere(someone):
    for path in PAGE.iterdir():
        text = path.read_text().replace('xmlns="http://www.w3.org/2000/svg"', "")
        assert "//" not in text.replace("// ", "")  # comments apart
        name = "" if path.name == "index.html" else path.name
        assert someone.get(f"/{name}")[1] == path.read_bytes()
    types = {name: someone.get(f"/{name}") and someone.headers["content-type"] for name in NAMES}
    assert types == NAMES


NAMES = {
    "": "text/html; charset=utf-8",
    "study.css": "text/css; charset=utf-8",
    "study.js": "text/javascript; charset=utf-8",
    "icon.svg": "image/svg+xml",
}


def test_cookie_is_for_this_study_and_no_script(someone, study):
    someone.start()
    cookie = someone.headers["set-cookie"].lower()
    assert cookie.startswith(f"study-{study.settings.id}=")
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert "domain" not in cookie
    assert "secure" not in cookie  # plain HTTP, as on one's own machine
    someone.cookie = None
    someone.ask("POST", "/session", {}, {"x-forwarded-proto": "https"})
    assert "; secure" in someone.headers["set-cookie"].lower()


def test_one_session_a_browser(someone, address, study):
    someone.takes_part()
    assert someone.start() == (200, {"started": False})
    assert someone.next() == 5
    with Participant(address) as other:
        assert other.next() is None
        other.cookie = f"study-{study.settings.id}=guessed"
        assert other.next() is None
        assert other.answers(0)[0] == 401


def test_shared_invite_code(tmp_path):
    study = tiny_study(tmp_path, invitation=Invitation(shared_code="Open Sesame"))
    with in_thread(study) as address, Participant(address) as someone:
        assert someone.get("/state")[1]["invite"] == "shared"
        for code in (None, "", "open", "open sesam"):
            status, said = someone.start(code)
            assert (status, someone.cookie) == (403, None)
            assert "invite code is not known" in said["error"]
        someone.takes_part(invite=" open sesame ")
        with Participant(address) as other:
            assert other.start("Open Sesame")[0] == 200
            assert other.next() == 0


def test_one_time_invite_codes(tmp_path):
    study = tiny_study(tmp_path, invitation=Invitation(one_time_codes=2))
    codes = study.invites_file.read_text().split()
    with in_thread(study) as address, Participant(address) as someone:
        assert someone.start("nonsense")[0] == 403
        assert someone.start()[0] == 403
        someone.start(codes[0])
        someone.answers(0)
        with Participant(address) as phone:  # the same person, elsewhere
            phone.start(codes[0].upper())
            assert phone.next() == 1
            assert someone.next() is None
            phone.takes_part(invite=codes[0])
            assert phone.next() == 5
            phone.start(codes[1])  # the next participant, at the same device
            assert phone.next() == 0
    answers = AnswerDatabase(study.answers_file)
    assert Counter(complete for _, complete in answers.sessions()) == {True: 1, False: 1}
    answers.close()


def test_what_the_server_cannot_do_is_said_without_details(someone, study):
    someone.start()
    study.image_file("real", 0).unlink()  # of six; five trials show five of them
    study.image_file("real", 1).unlink()
    replies = []
    for number in range(5):
        for place in ("first", "second"):
            replies.append(someone.get(f"/trials/{number}/{place}"))
            someone.connection.close()  # as the server does after a failure
        someone.answers(number)
    failed = [said for status, said in replies if status == 500]
    assert failed
    assert failed[0] == {"error": "The server could not do this. Please try again."}


def test_locked_answers_are_waited_for(someone, study):
    someone.start()
    blocker = sqlite3.connect(study.answers_file, isolation_level=None)
    blocker.execute("BEGIN IMMEDIATE")
    someone.connection.request(
        "POST",
        "/trials/0",
        '{"fake": "first", "first_ms": 50, "second_ms": 50, "response_ms": 1, "showings": 1}',
        {"cookie": someone.cookie, "content-type": "application/json"},
    )
    time.sleep(0.2)
    blocker.execute("ROLLBACK")
    response = someone.connection.getresponse()
    assert (response.status, response.read()[:10]) == (200, b'{"next":1,')
    blocker.close()


def test_study_that_lacks_a_part_is_not_served(tmp_path):
    study = tiny_study(tmp_path)
    study.image_file("L1", 3).unlink()
    with pytest.raises(UserError, match=r"images/L1/00003\.png is missing"):
        make_app(study.folder)


def test_without_starlette_the_extra_is_named(tmp_path, monkeypatch):
    study = tiny_study(tmp_path)
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    with pytest.raises(UserError, match=r"pip install 'pix2pix-tf\[serve\]'"):
        serve(study.folder)


def test_images_are_those_of_the_study(someone, study):
    someone.start()
    side, number = seen(someone.get("/trials/0/first")[1])
    assert someone.get("/trials/0/first")[1] == study.image_file(side, number).read_bytes()
    assert QUICK.total_trials == 5
