"""Pins for the tests of this folder."""

import pytest
from wired_leds import mock_pins

pins = pytest.fixture(mock_pins)
