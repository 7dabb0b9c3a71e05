"""Batches on the wire: what is sent, and what is made of the parts that come back."""

from __future__ import annotations

from email import message_from_bytes

import httpx
import pytest

from app.domain.errors import AccessError, AuthExpiredError, UnavailableError
from app.providers.google.batch import BATCH_SIZE, Call, batch_url, decode, encode, read_batch, send_batch
from app.providers.http import Reply
from tests.unit.providers.google.scripted import Tokens, asked, multipart, place_of, refusal

pytestmark = pytest.mark.anyio

CALLS = [Call("GET", f"calendars/c/events/{name}") for name in "abc"]


def test_a_batch_goes_to_the_api_bases_own_origin() -> None:
    assert batch_url(httpx.URL("https://www.googleapis.com/calendar/v3/")) == "/batch/calendar/v3"
    assert batch_url(httpx.URL("http://127.0.0.1:5001/calendar/v3/")) == "/batch/calendar/v3"
    assert batch_url(httpx.URL("http://127.0.0.1:5001/google/calendar/v3/")) == "/google/batch/calendar/v3"


def test_each_part_is_a_request_of_its_own() -> None:
    call = Call("PATCH", "calendars/a%40b/events/x?sendUpdates=none", {"summary": "Grüße ☕"}, {"If-Match": '"1"'})
    raw = encode([call, Call("DELETE", "calendars/c/events/y")], "/calendar/v3/", "frontier")
    message = message_from_bytes(b"Content-Type: multipart/mixed; boundary=frontier\r\n\r\n" + raw)
    first, second = list(message.walk())[1:]
    assert first["Content-Type"] == "application/http"
    assert first["Content-ID"] == "<item0@kalends>"
    sent = first.get_payload(decode=True)
    assert isinstance(sent, bytes)
    head, _, body = sent.partition(b"\r\n\r\n")
    assert head.splitlines()[0] == b"PATCH /calendar/v3/calendars/a%40b/events/x?sendUpdates=none HTTP/1.1"
    assert b'If-Match: "1"' in head.splitlines()
    assert f"Content-Length: {len(body)}".encode() in head.splitlines()
    assert body.decode() == '{"summary":"Grüße ☕"}'
    payload = second.get_payload(decode=True)
    assert isinstance(payload, bytes)
    assert payload.startswith(b"DELETE /calendar/v3/calendars/c/events/y HTTP/1.1\r\n")


async def test_parts_come_back_in_the_order_of_the_calls() -> None:
    place = place_of(lambda _: multipart([(200, {"n": 0}), (404, {"n": 1}), (204, None)]))
    replies = await send_batch(place.http, CALLS)
    assert [reply.status if reply else 0 for reply in replies] == [200, 404, 204]
    assert replies[0] is not None
    assert replies[0].json_object() == {"n": 0}
    await place.http.aclose()


async def test_a_missing_part_is_unknown_and_the_others_stand() -> None:
    place = place_of(lambda _: multipart([(200, {}), None, (200, {})]))
    replies = await send_batch(place.http, CALLS)
    assert [reply is None for reply in replies] == [False, True, False]
    await place.http.aclose()


@pytest.mark.parametrize(
    "part",
    [
        "no status line",
        "HTTP/1.1 20",
        "HTTP/1.1 banana\r\n\r\n{}",
        "",
    ],
)
def test_an_unreadable_part_is_unknown(part: str) -> None:
    body = f"--b\r\nContent-Type: application/http\r\nContent-ID: <response-item0@kalends>\r\n\r\n{part}\r\n--b--\r\n"
    reply = Reply(200, httpx.Headers({"Content-Type": "multipart/mixed; boundary=b"}), body.encode())
    assert decode(reply, 1) == [None]


def test_parts_that_nobody_asked_for_are_left_aside() -> None:
    rows = [
        f"--b\r\nContent-Type: application/http\r\nContent-ID: {name}\r\n\r\nHTTP/1.1 200 OK\r\n\r\n{{}}\r\n"
        for name in ("<response-item7@kalends>", "<response-other>", "")
    ]
    body = "".join([*rows, "--b--\r\n"])
    reply = Reply(200, httpx.Headers({"Content-Type": 'multipart/mixed; boundary="b"'}), body.encode())
    assert decode(reply, 2) == [None, None]


@pytest.mark.parametrize("content_type", ["application/json", "text/html", "multipart/mixed"])
def test_an_answer_that_is_no_multipart_message_is_broken(content_type: str) -> None:
    with pytest.raises(UnavailableError):
        decode(Reply(200, httpx.Headers({"Content-Type": content_type}), b"{}"), 1)


async def test_parts_refused_for_the_token_are_sent_once_more_with_a_new_one() -> None:
    tokens = Tokens()
    batches: list[list[tuple[str, str]]] = []

    def answer(request: httpx.Request) -> httpx.Response:
        batches.append(asked(request))
        if request.headers["authorization"] == "Bearer token0":
            return multipart([(200, {}), refusal(401, "authError"), refusal(401, "authError")])
        return multipart([(200, {}), (204, None)])

    place = place_of(answer, tokens)
    replies = await send_batch(place.http, CALLS)
    assert [reply.status if reply else 0 for reply in replies] == [200, 200, 204]
    assert [len(batch) for batch in batches] == [3, 2]
    assert [path[-1] for _, path in batches[1]] == ["b", "c"]
    assert tokens.renewals == 1
    await place.http.aclose()


async def test_a_sign_in_that_ended_is_told_if_nothing_was_done() -> None:
    place = place_of(lambda _: multipart([refusal(401)] * 3), Tokens(ends=True))
    with pytest.raises(AuthExpiredError):
        await send_batch(place.http, CALLS)
    await place.http.aclose()


async def test_a_sign_in_that_ended_does_not_hide_what_was_done() -> None:
    place = place_of(lambda _: multipart([(200, {}), refusal(401), refusal(401)]), Tokens(ends=True))
    assert [reply.status if reply else 0 for reply in await send_batch(place.http, CALLS)] == [200, 401, 401]
    await place.http.aclose()


async def test_a_new_token_that_is_refused_too_means_the_sign_in_has_ended() -> None:
    place = place_of(lambda request: multipart([refusal(401)] * len(asked(request))))
    with pytest.raises(AuthExpiredError):
        await send_batch(place.http, CALLS)
    await place.http.aclose()


async def test_a_refused_batch_is_an_error() -> None:
    place = place_of(lambda _: httpx.Response(403, json={"error": {"errors": [{"reason": "accessNotConfigured"}]}}))
    with pytest.raises(AccessError):
        await send_batch(place.http, CALLS)
    await place.http.aclose()


async def test_reads_that_fail_in_passing_are_sent_again_alone() -> None:
    batches: list[list[tuple[str, str]]] = []

    def answer(request: httpx.Request) -> httpx.Response:
        batches.append(asked(request))
        match len(batches):
            case 1:
                return multipart([(200, {}), refusal(503), None])
            case 2:
                return httpx.Response(502)
            case _:
                return multipart([(200, {}), refusal(404)])

    place = place_of(answer)
    replies = await read_batch(place.http, place.retrier, CALLS)
    assert [reply.status if reply else 0 for reply in replies] == [200, 200, 404]
    assert [len(batch) for batch in batches] == [3, 2, 2]
    await place.http.aclose()


async def test_reads_that_never_succeed_keep_their_last_answer() -> None:
    place = place_of(lambda request: multipart([(200, {}) if "/a" in p else refusal(500) for _, p in asked(request)]))
    replies = await read_batch(place.http, place.retrier, CALLS)
    assert [reply.status if reply else 0 for reply in replies] == [200, 500, 500]
    await place.http.aclose()


async def test_reads_of_which_nothing_succeeds_are_an_error() -> None:
    place = place_of(lambda _: httpx.Response(500))
    with pytest.raises(UnavailableError):
        await read_batch(place.http, place.retrier, CALLS)
    await place.http.aclose()


def test_a_batch_is_no_larger_than_google_allows() -> None:
    assert BATCH_SIZE == 50
