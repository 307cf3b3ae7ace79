"""What is kept of devices as plain data for JSON: stable keys, times in UTC, secrets masked."""

from __future__ import annotations

from typing import Any

from acs.cli.ages import iso
from acs.cli.masking import Masks
from acs.devices.record import Device, FaultRecord, Job, Proof, Snapshot
from acs.store.timeline import Line


def device_document(device: Device) -> dict[str, Any]:
    """The record of a device, without what only a session needs."""
    return {
        "id": device.id,
        "key": device.key,
        "oui": device.oui,
        "product_class": device.product_class,
        "serial_number": device.serial_number,
        "manufacturer": device.manufacturer,
        "model": device.model,
        "hardware": device.hardware,
        "software": device.software,
        "mac": device.mac,
        "protocol": device.protocol,
        "root": device.root,
        "address": device.address,
        "standing": device.standing.value,
        "reason": device.reason,
        "equipment": device.equipment or None,
        "matched_by": device.matched_by or None,
        "suggestion": device.suggestion or None,
        "blueprint": device.blueprint or None,
        "own_credentials": device.own_credentials,
        "failures": device.failures,
        "retry_at": iso(device.retry_at),
        "checked_at": iso(device.checked_at),
        "first_seen": iso(device.first_seen),
        "last_seen": iso(device.last_seen),
        "last_boot": iso(device.last_boot),
        "last_bootstrap": iso(device.last_bootstrap),
    }


def job_document(job: Job, masks: Masks) -> dict[str, Any]:
    """A job with what it asks for and what came of it."""
    return {
        "id": job.id,
        "kind": job.kind.value,
        "state": job.state.value,
        "payload": masks.payload(job.payload),
        "result": masks.result(job.result),
        "priority": job.priority,
        "attempts": job.attempts,
        "created_at": iso(job.created_at),
        "created_by": job.created_by,
        "expires_at": iso(job.expires_at),
        "finished_at": iso(job.finished_at),
    }


def fault_document(fault: FaultRecord) -> dict[str, Any]:
    """An open fault."""
    return {
        "subject": fault.subject,
        "code": fault.code,
        "text": fault.text,
        "parameters": list(fault.parameters),
        "count": fault.count,
        "at": iso(fault.at),
        "retry_at": iso(fault.retry_at),
    }


def proof_document(proof: Proof) -> dict[str, Any]:
    """A proof with its lines; secret values were masked before it was kept."""
    return {
        "at": iso(proof.at),
        "session": proof.session,
        "plan": proof.plan or None,
        "complete": proof.complete,
        "lines": [
            {
                "path": line.path,
                "wanted": line.wanted,
                "read": line.read,
                "verdict": line.verdict.value,
            }
            for line in proof.lines
        ],
    }


def timeline_document(line: Line) -> dict[str, Any]:
    """An entry of the timeline."""
    entry = line.entry
    return {
        "id": line.id,
        "at": iso(entry.at),
        "kind": entry.kind,
        "text": entry.text,
        "session": entry.session,
        "detail": dict(entry.detail),
    }


def snapshot_document(snapshot: Snapshot, prefix: str, masks: Masks) -> dict[str, Any]:
    """What a device last reported below ``prefix``."""
    return {
        "at": iso(snapshot.at),
        "values": {
            path: {"value": masks.shown(path, value.text), "type": value.type.value}
            for path, value in sorted(snapshot.values.items(), key=lambda item: order(item[0]))
            if path.startswith(prefix)
        },
    }


def order(path: str) -> tuple[tuple[int, str], ...]:
    """Key that sorts instance numbers as numbers."""
    return tuple((int(part), "") if part.isdecimal() else (-1, part) for part in path.split("."))
