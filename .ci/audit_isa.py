"""Fail if baseline code uses instructions that the baseline CPU (x86-64-v2) lacks: python .ci/audit_isa.py MODULE.so

Only functions whose name ends in _avx2 or _avx512 (and the parts a compiler splits off them) may use ymm and zmm
registers or VEX-coded instructions: they alone are picked at run time.
"""

import platform
import re
import subprocess
import sys

ALLOWED = re.compile(r"_avx(2|512)\b")
WIDE = re.compile(r"%[yz]mm|\tv[a-z0-9]+ ")


def main(path: str) -> int:
    """Print what was found; 1 if something is wrong."""
    if platform.machine() != "x86_64":
        print(f"not x86-64 ({platform.machine()}): nothing to check")
        return 0
    listing = subprocess.run(
        ["objdump", "-d", "-C", "--no-show-raw-insn", path], text=True, capture_output=True, check=True
    ).stdout
    offenders: dict[str, int] = {}
    function, n_wide = "", 0
    for line in listing.splitlines():
        if match := re.match(r"^[0-9a-f]+ <(.*)>:$", line):
            function = match[1]
        elif WIDE.search(line):
            n_wide += 1
            if not ALLOWED.search(function):
                offenders[function] = offenders.get(function, 0) + 1
    for name, n in offenders.items():
        print(f"{name}: {n} instructions above the baseline")
    if not n_wide:
        print("no wide instruction anywhere: expected the variants, is this the right file?")
    print(f"{path}: {'bad' if offenders or not n_wide else 'clean'} ({n_wide} wide instructions, all in variants)")
    return 1 if offenders or not n_wide else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
