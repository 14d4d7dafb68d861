"""The ignored regions: what the page sends, what is kept, and what is refused."""

import json
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from gated import BEARER, CODE, WRITE, Device

from edge.datatypes import BBox
from edge.kept_regions import MOST_REGIONS, KeptRegions
from edge.vision.ignored_regions import IgnoredRegions

ADDRESS = "/api/ignored-regions"
POSTER = [0.1, 0.2, 0.3, 0.4]


@pytest.fixture
def regions() -> IgnoredRegions:
    return IgnoredRegions()


@pytest.fixture
def device(device: Device, tmp_path: Path, regions: IgnoredRegions) -> Device:
    device.regions = KeptRegions(regions, tmp_path / "state")
    device.app = device.make_app()
    return device


def test_regions_are_set_kept_and_read_after_a_restart(
    client: FlaskClient, regions: IgnoredRegions, tmp_path: Path
) -> None:
    assert client.get(ADDRESS, headers=BEARER).get_json() == {"regions": []}
    answer = client.post(ADDRESS, headers=BEARER, json={"regions": [POSTER]})
    assert answer.get_json() == {"regions": [POSTER]}
    assert regions.boxes == (BBox(*POSTER),)
    again = IgnoredRegions()
    assert KeptRegions(again, tmp_path / "state").get() == [POSTER]
    assert again.boxes == regions.boxes
    client.post(ADDRESS, headers=BEARER, json={"regions": []})
    assert KeptRegions(IgnoredRegions(), tmp_path / "state").get() == []


@pytest.mark.parametrize(
    "regions_sent",
    [
        *(None, {}, "a", 1, [1], [[]], [[0, 0, 1]], [[0, 0, 1, 1, 1]], [["0", 0, 1, 1]]),
        *([[True, 0, 1, 1]], [[-0.1, 0, 1, 1]], [[0, 0, 1.1, 1]], [[0.5, 0, 0.5, 1]]),
        *([[0.6, 0, 0.5, 1]], [[0, 0, 0.001, 1]], [[0, 0, 1, 1]] * (MOST_REGIONS + 1)),
    ],
)
def test_what_is_no_region_is_refused(
    client: FlaskClient, regions: IgnoredRegions, regions_sent: Any
) -> None:
    answer = client.post(ADDRESS, headers=BEARER, json={"regions": regions_sent})
    assert answer.status_code == 400
    assert "expected" in answer.get_json()["error"]
    assert regions.boxes == ()


@pytest.mark.parametrize(
    "sent",
    [
        *("NaN", "[]", "{}", '{"regions": [], "a": 1}', "", '{"regions": [[NaN,0,1,1]]}'),
        *("[" * 16_000, '{"regions":' * 1_400),
    ],
)
def test_what_is_no_request_is_refused(client: FlaskClient, sent: str) -> None:
    headers = {**BEARER, "Content-Type": "application/json"}
    assert client.post(ADDRESS, headers=headers, data=sent).status_code == 400


def test_only_the_owner_may_write(client: FlaskClient, device: Device) -> None:
    assert client.get(ADDRESS).status_code == 401
    assert client.post(ADDRESS, json={"regions": [POSTER]}, headers=WRITE).status_code == 401
    client.post("/login", data={"code": CODE})
    assert client.post(ADDRESS, json={"regions": [POSTER]}).status_code == 403
    assert client.post(ADDRESS, json={"regions": [POSTER]}, headers=WRITE).status_code == 200
    token = device.tokens.add("kitchen", "view")
    assert client.get(f"/view/{token}{ADDRESS}").status_code == 403
    assert 'id="regions"' in client.get("/").text
    assert 'id="regions"' not in client.get(f"/view/{token}/").text


def test_a_full_disk_is_told_and_the_old_regions_stay(
    client: FlaskClient, regions: IgnoredRegions, tmp_path: Path
) -> None:
    (tmp_path / "state").write_text("a file in the folder's place")
    answer = client.post(ADDRESS, headers=BEARER, json={"regions": [POSTER]})
    assert answer.status_code == 503
    assert "the regions cannot be kept" in answer.get_json()["error"]
    assert regions.boxes == ()


@pytest.mark.parametrize("content", ["{", "{}", "[[1]]", "[" * 50_000, "null"])
def test_a_damaged_file_ignores_nothing_and_is_logged(
    tmp_path: Path, content: str, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "ignored-regions").write_text(content)
    assert KeptRegions(IgnoredRegions(), tmp_path).get() == []
    assert "no region is ignored" in caplog.text


def test_without_a_folder_regions_last_until_the_restart() -> None:
    regions = KeptRegions(IgnoredRegions(), None)
    regions.set([POSTER])
    assert regions.get() == [POSTER]
    assert json.dumps(regions.get()) == "[[0.1, 0.2, 0.3, 0.4]]"
