"""Any message over MQTT: carried out or one line in the log, and the device goes on."""

from pathlib import Path

from hypothesis import example, given, settings
from hypothesis import strategies as st
from mosquitto import Mosquitto, eventually, listening, needs_mosquitto
from mqtt_device import MODES, Device

from edge.outputs.mqtt.commands import Commands, Controls

NAMES = ("running", "brightness", "privacy")
payloads = st.one_of(
    st.binary(max_size=200),
    st.text(max_size=60).map(lambda text: text.encode("utf-8", "surrogatepass")),
    st.floats().map(lambda value: str(value).encode()),
    st.integers().map(lambda value: str(value).encode()),
    st.sampled_from(
        (b"ON", b"off", *(mode.encode() for mode in MODES), b"1_0", b"\xd9\xa3\xd9\xa0")
    ),
)


class Told:
    """What commands have set."""

    def __init__(self) -> None:
        self.brightness: list[float] = []
        self.modes: list[str] = []

    def controls(self) -> Controls:
        return Controls(
            pause=int,
            resume=int,
            set_brightness=self.brightness.append,
            set_privacy=self.modes.append,
            privacy_modes=MODES,
        )


@given(st.sampled_from(NAMES) | st.text(max_size=10), payloads)
@example("brightness", b"9" * 5000)
@example("running", b"\x1b[2J\n\xe2\x80\xae" * 50)
def test_any_command(quiet_log: None, name: str, payload: bytes) -> None:
    told = Told()
    done: list[None] = []
    commands = Commands(told.controls(), lambda: done.append(None))
    commands.add(name, payload)
    for waiting in tuple(commands._waiting):
        commands._carry_out(waiting, commands._waiting.pop(waiting))
    assert len(done) == (name in NAMES)
    assert all(0.05 <= brightness <= 1 for brightness in told.brightness)
    assert set(told.modes) <= set(MODES)


@needs_mosquitto
def test_any_message_through_the_real_broker(tmp_path: Path, quiet_log: None) -> None:
    broker = Mosquitto(tmp_path)
    broker.start()
    device = Device()
    output = device.run(broker.port)
    try:
        with listening(broker.port) as client:
            eventually(lambda: client.last("edge/one/availability") == b"online")

            @settings(max_examples=20)
            @given(st.sampled_from(NAMES) | st.sampled_from(("x", "x/y", "$x", "")), payloads)
            def send(name: str, payload: bytes) -> None:
                client.say(f"edge/one/{name}/set", payload)

            send()
            client.say("edge/one/running/set", b"OFF")
            eventually(lambda: device.done[-1:] == ["pause"])
    finally:
        device.close()
        output.close()
        broker.kill()
