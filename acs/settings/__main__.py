"""``python -m acs.settings`` prints docs/settings.md."""

from __future__ import annotations

import sys

from acs.settings.reference import document

sys.stdout.write(document())
