"""`acs device`: the commands about one device, and the list of all."""

from __future__ import annotations

import click

from acs.cli.lazy import Lazy, LazyGroup

COMMANDS = {
    "list": Lazy("acs.cli.device_list:list_devices", "List devices, and count them by standing."),
    "show": Lazy("acs.cli.device_show:show", "Show all that is known of a device."),
    "timeline": Lazy("acs.cli.device_history:timeline", "Show what happened to a device."),
    "faults": Lazy("acs.cli.device_history:faults", "Show open faults, of one device or all."),
    "proof": Lazy("acs.cli.device_history:proof", "Show what was written and read back."),
    "jobs": Lazy("acs.cli.device_history:jobs", "Show what was asked of a device."),
    "snapshot": Lazy("acs.cli.device_history:snapshot", "Show what a device last reported."),
    "tree": Lazy("acs.cli.device_tree:tree", "Browse all that it holds."),
    "diff": Lazy("acs.cli.device_diff:diff", "Compare it with another one, or with its past."),
    "health": Lazy("acs.cli.device_health:health", "Show how it is: light, Wi-Fi, hosts, advice."),
    "ping": Lazy("acs.cli.device_diagnostics:ping", "Have it ping a host."),
    "trace": Lazy("acs.cli.device_diagnostics:trace", "Have it trace the way to a host."),
    "speed-download": Lazy("acs.cli.device_diagnostics:speed_download", "Measure a download."),
    "speed-upload": Lazy("acs.cli.device_diagnostics:speed_upload", "Measure an upload."),
    "lookup": Lazy("acs.cli.device_diagnostics:lookup", "Have it look up a name."),
    "neighbours": Lazy("acs.cli.device_diagnostics:neighbours", "List Wi-Fi networks around it."),
    "diagnostics": Lazy("acs.cli.device_diagnostics:diagnostics", "Show tests and results."),
    "provision": Lazy("acs.cli.device_jobs:provision", "Compare it with its wish and converge."),
    "read": Lazy("acs.cli.device_jobs:read", "Read parameters."),
    "set": Lazy("acs.cli.device_jobs:set_values", "Write parameters."),
    "add": Lazy("acs.cli.device_jobs:add", "Create a row in a table."),
    "delete": Lazy("acs.cli.device_jobs:delete", "Delete a row of a table."),
    "reboot": Lazy("acs.cli.device_jobs:reboot", "Reboot it."),
    "factory-reset": Lazy("acs.cli.device_jobs:factory_reset", "Reset it to factory defaults."),
    "tag": Lazy("acs.cli.tag:tag_device", "Give it tags and take them."),
    "names": Lazy("acs.cli.device_procedures:names", "List the names of its parameters."),
    "attributes": Lazy("acs.cli.device_procedures:attributes", "Read what it tells when changed."),
    "notify": Lazy("acs.cli.device_procedures:notify", "Choose what it tells when changed."),
    "schedule-inform": Lazy("acs.cli.device_procedures:schedule_inform", "Have it call later."),
    "methods": Lazy("acs.cli.device_procedures:methods", "List the methods it knows."),
    "options": Lazy("acs.cli.device_procedures:list_options", "List options with vouchers."),
    "vouchers": Lazy("acs.cli.device_procedures:vouchers", "Hand in vouchers for options."),
    "download": Lazy("acs.cli.device_transfers:download", "Send it firmware or another file."),
    "schedule-download": Lazy(
        "acs.cli.device_transfers:schedule_download", "Send it a file in a window of time."
    ),
    "upload": Lazy("acs.cli.device_transfers:upload", "Have it send its configuration or log."),
    "transfers": Lazy("acs.cli.device_transfers:transfers", "List its transfers under way."),
    "cancel-transfer": Lazy("acs.cli.device_transfers:cancel_transfer", "Give a transfer up."),
    "software": Lazy("acs.cli.device_software:software", "Install or remove software modules."),
    "operate": Lazy("acs.cli.device_commands:operate", "Run a command of its model (USP)."),
    "activate": Lazy("acs.cli.device_commands:activate", "Run firmware it has stored (USP)."),
    "release": Lazy("acs.cli.device_release:release", "Take over what somebody else set up."),
    "wake": Lazy("acs.cli.device_wake:wake", "Have it called now, and say what came of it."),
    "forget": Lazy("acs.cli.device_forget:forget", "Delete its record and history."),
}


@click.group(cls=LazyGroup, lazy=COMMANDS)
def device() -> None:
    """Look at devices, and have things done on them.

    DEVICE is a key, an id, a serial number, a MAC in any spelling, or the name of its equipment.
    What is to be done on a device is kept as a job: the running server does it at the device's
    next contact.

    \b
    Examples:
      acs device list --standing quarantined
      acs device show 22275A7000001
      acs device health 22275A7000001
      acs device read 22275A7000001 Device.DeviceInfo.UpTime --wait 60
    """
