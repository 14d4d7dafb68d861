"""What a device tells of itself, without a camera."""

from edge.datatypes import CameraState, Health, Report, Snapshot


class Reporting:
    """The reports of a device whose camera is as a test says, or as it was paused and resumed."""

    def __init__(self) -> None:
        self.camera = CameraState.LIVE
        self.detail = ""
        self.snapshot: Snapshot | None = None

    def pause(self) -> None:
        self.camera = CameraState.PAUSED

    def resume(self) -> None:
        self.camera = CameraState.LIVE

    def report(self) -> Report:
        health = Health(
            camera=self.camera,
            detail=self.detail,
            source="test",
            fps=1.0,
            age_s=0.1,
            uptime_s=1.0,
        )
        return Report(snapshot=self.snapshot, health=health)
