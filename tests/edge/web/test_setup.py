import pytest

from edge.config import load_config
from edge.web.setup import open_access


@pytest.mark.parametrize(("host", "warned"), [("127.0.0.1", False), ("192.168.1.2", True)])
def test_an_open_door_is_warned_of_where_others_can_reach_it(
    caplog: pytest.LogCaptureFixture, host: str, warned: bool
) -> None:
    access, code = open_access(load_config(None, {"web": {"auth": "none", "host": host}}))
    assert (access.auth, access.authenticator, code) == ("none", None, None)
    assert ("every machine that reaches this device can see the page" in caplog.text) == warned
