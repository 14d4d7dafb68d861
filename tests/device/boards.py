"""The Pis that qemu plays."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Board:
    """A processor for qemu to play, and what its kernel says of it.

    LiteRT chooses its kernels by /proc/cpuinfo. qemu-user shows the host's, with which LiteRT dies
    of a segmentation fault; and `-cpu max`, qemu 7.2's own choice, computes wrong answers.
    """

    name: str
    qemu_cpu: str
    part: str
    features: str

    def cpuinfo(self) -> str:
        """Return /proc/cpuinfo with two cores."""
        core = (
            f"BogoMIPS\t: 108.00\nFeatures\t: {self.features}\nCPU implementer\t: 0x41\n"
            f"CPU architecture: 8\nCPU variant\t: 0x0\nCPU part\t: {self.part}\n"
            "CPU revision\t: 3\n\n"
        )
        return "".join(f"processor\t: {number}\n{core}" for number in range(2))


PI_4 = Board("Pi 4", "cortex-a72", "0xd08", "fp asimd evtstrm crc32 cpuid")
PI_5 = Board(
    "Pi 5",
    "cortex-a76",
    "0xd0b",
    "fp asimd evtstrm aes pmull sha1 sha2 crc32 atomics fphp asimdhp cpuid asimdrdm lrcpc dcpop"
    " asimddp",
)
