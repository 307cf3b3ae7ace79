"""`acs file`: the catalogue of files for devices, and the files that devices sent."""

from __future__ import annotations

import click

from acs.cli.lazy import Lazy, LazyGroup

COMMANDS = {
    "add": Lazy("acs.cli.file_catalogue:add", "Add a file that devices may be given."),
    "list": Lazy("acs.cli.file_catalogue:list_files", "List the files of the catalogue."),
    "show": Lazy("acs.cli.file_catalogue:show", "Show all that is known of a file."),
    "remove": Lazy("acs.cli.file_catalogue:remove", "Take a file out of the catalogue."),
    "verify": Lazy("acs.cli.file_catalogue:verify", "Read files again and compare checksums."),
    "uploads": Lazy("acs.cli.file_uploads:list_uploads", "List files that devices sent."),
    "get": Lazy("acs.cli.file_uploads:get", "Decrypt a file that a device sent."),
}


@click.group(cls=LazyGroup, lazy=COMMANDS)
def file() -> None:
    """Look after the files that devices fetch and send.

    A file is added once and sent by name: `acs device download DEVICE --file NAME`. An image is
    bound to models and hardware, and is sent to no other device.

    \b
    Examples:
      acs file add XX230v_1.2.bin --type firmware --version "1.2.0 Build 240101" \\
          --fits 'model=XX230v*'
      acs file list
      acs file uploads 22275A7000001
      acs file get 12 -o config.bin
    """
