"""Makes qemu's arm64 machine look like a Pi 4: its device tree with a Pi's model and revision.

The machine has a real GPIO chip, a PL061 with eight lines, of which the kernel's own gpio-keys
holds line 3.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

from machine import processor

MODEL, REVISION = "Raspberry Pi 4 Model B Rev 1.4", "c03114"
KERNELS_LINE = 3


def qemu_options(folder: Path) -> list[str]:
    """Return the options of a machine that takes itself for a Pi."""
    tree = folder / "pi.dtb"
    name, *options = processor("arm64")
    options[options.index("virt")] = f"virt,dumpdtb={tree}"
    subprocess.run([name, *options, "-display", "none"], check=True, capture_output=True)
    for kind, node, *value in (
        ("s", "/", "model", MODEL),
        ("", "/system"),
        ("x", "/system", "linux,revision", REVISION),
    ):
        how = ["-t", kind] if kind else ["-c"]
        subprocess.run(["fdtput", *how, tree, node, *value], check=True)
    return ["-dtb", str(tree)]
