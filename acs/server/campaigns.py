"""Campaigns move on: the server's periodic part of `acs bulk`."""

from __future__ import annotations

from acs.api.metrics import Metrics
from acs.log import get_logger
from acs.store import campaign_steps, campaigns
from acs.store.queues import Queues

log = get_logger("acs.server")


async def advance(queues: Queues, now: float, metrics: Metrics) -> None:
    """Give the next devices of every running campaign their jobs; one short transaction each."""
    for campaign_id in await queues.run("campaigns", campaign_steps.running_thd, now):
        step = await queues.run("campaign", campaign_steps.advance_thd, campaign_id, now)
        if step is None:
            continue
        if step.ended is not None:
            metrics.campaign_ended(step.ended.value)
        if step.ended is campaigns.CampaignState.STOPPED:
            log.warning("campaign stopped", campaign=step.name, reason=step.reason)
        elif step.ended is not None:
            log.info("campaign finished", campaign=step.name)
        else:
            log.info("campaign", campaign=step.name, released=step.released)
