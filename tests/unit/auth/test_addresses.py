"""Addresses: precedence, loopback only for plain http, and clients that are missing by name."""

from __future__ import annotations

import pytest

from app.auth.addresses import find_addresses
from app.domain.errors import InputError, SignInError


def test_without_any_setting_the_production_addresses_hold() -> None:
    found = find_addresses({})
    assert found.google.calendar_api == "https://www.googleapis.com/calendar/v3"
    assert found.google.auth_uri == "https://accounts.google.com/o/oauth2/v2/auth"
    assert found.google.token_uri == "https://oauth2.googleapis.com/token"
    assert found.google.revoke_uri == "https://oauth2.googleapis.com/revoke"
    assert found.microsoft.graph_api == "https://graph.microsoft.com/v1.0"
    assert (found.microsoft.origin, found.microsoft.tenant) == ("https://login.microsoftonline.com", "common")


def test_the_environment_beats_the_configuration() -> None:
    configuration = {"google": {"calendar_api": "https://mine.example/v3/", "client_id": "file"}}
    assert find_addresses({}, configuration).google.calendar_api == "https://mine.example/v3"
    environ = {"KALENDS_GOOGLE_API": "http://127.0.0.1:5000/calendar/v3", "KALENDS_GOOGLE_CLIENT_ID": "env"}
    found = find_addresses(environ, configuration).google
    assert (found.calendar_api, found.client_id) == ("http://127.0.0.1:5000/calendar/v3", "env")


@pytest.mark.parametrize("host", ["127.0.0.1:1", "localhost", "[::1]:8080", "127.9.9.9"])
def test_plain_http_is_taken_for_this_computer(host: str) -> None:
    assert find_addresses({"KALENDS_GRAPH_API": f"http://{host}/v1.0"}).microsoft.graph_api == f"http://{host}/v1.0"


@pytest.mark.parametrize(
    "address",
    [
        "http://graph.example/v1.0", "http://localhost.example/", "http://10.0.0.1", "http://127.0.0.1.example",
        "http://0.0.0.0:1", "ftp://localhost", "graph.example", "https://", "https://u:p@graph.example",
        "https://graph.example/?a=b", "https://graph.example:99999/", "https://[::1",
    ],
)  # fmt: skip
def test_any_other_address_is_refused_by_the_name_of_its_variable(address: str) -> None:
    with pytest.raises(InputError) as caught:
        find_addresses({"KALENDS_GRAPH_API": address})
    assert [detail.field for detail in caught.value.details] == ["KALENDS_GRAPH_API"]


def test_a_bad_address_of_the_file_is_refused_by_its_key() -> None:
    with pytest.raises(InputError, match=r"google\.token_uri"):
        find_addresses({}, {"google": {"token_uri": "http://oauth2.example/token"}})


def test_a_build_without_clients_says_what_to_set() -> None:
    found = find_addresses({})
    for provider, name in (
        (found.google, "KALENDS_GOOGLE_CLIENT_ID"),
        (found.microsoft, "KALENDS_MICROSOFT_CLIENT_ID"),
    ):
        with pytest.raises(SignInError) as caught:
            provider.require_client()
        assert caught.value.code == "client_missing"
        assert name in str(caught.value.fix)


def test_an_authority_without_a_tenant_means_common() -> None:
    found = find_addresses({"KALENDS_MICROSOFT_AUTHORITY": "http://127.0.0.1:5001/"}).microsoft
    assert (found.origin, found.tenant) == ("http://127.0.0.1:5001", "common")


def test_the_clients_secret_does_not_show_when_addresses_are_printed() -> None:
    assert "hush-hush" not in repr(find_addresses({"KALENDS_GOOGLE_CLIENT_SECRET": "hush-hush"}))
