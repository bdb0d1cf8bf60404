"""``vision models``."""

from __future__ import annotations

import json

from vision.cli import MODEL_FAILED, OK
from vision.cli.say import error, out
from vision.errors import ModelError
from vision.infer.store import shipped, verified_bytes


def models_command(*, as_json: bool) -> int:
    """List the shipped models, each checked against its SHA-256."""
    rows, is_bad = [], False
    for manifest in (variant for model in shipped() for variant in model.variants()):
        try:
            size = len(verified_bytes(manifest))
            state = "ok"
        except ModelError as err:
            error(str(err))
            size, state, is_bad = 0, "corrupt", True
        rows.append(
            {
                "name": manifest.name,
                "version": manifest.version,
                "task": manifest.task,
                "precision": manifest.precision,
                "bytes": size,
                "sha256": manifest.sha256,
                "licence": manifest.licence,
                "state": state,
                "path": str(manifest.path.parent),
            }
        )
    if as_json:
        out(json.dumps(rows, ensure_ascii=False))
    else:
        for row in rows:
            mega = int(str(row["bytes"])) / 1e6
            out(
                f"{row['name']:20} {row['version']:8} {row['precision']:8} {mega:5.2f} MB  "
                f"{row['licence']}  {row['state']:8} sha256 {str(row['sha256'])[:16]}..."
            )
    return MODEL_FAILED if is_bad else OK
