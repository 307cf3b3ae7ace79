"""The file server: images out to devices, their configurations and logs in.

`links` (signed addresses), `fit` (is it for this device?), `ranges` (what part of it) and
`throttle` (how fast) are pure.  `folder` is the disk, `sealed` what keeps uploads secret there,
`offers` what a job is told, `inbox` takes what a device sends, and `site` is the edge.
"""
