"""Figures of ERPNext in real life: ``python -m bench --suite erp``.

- `measure`  each figure by its kind
- `storm`    a storm of new ONTs, told with every call that ERPNext got
- `proof`    from a change in ERPNext to its proof on the device, stage by stage
- `homes`    the devices of that: ONTs that can be called, USP agents
- `sweep`    how fast the mirror is filled
- `site`     the stand-in in the hands of a user, and what it can do at most (the baseline)
"""
