# ruff: noqa
# mypy: ignore-errors
#
# ERPNext Server Script: writes a MAC address in one spelling, upper case with colons, whoever
# saves it. To a unique index AABBCC001001 and AA:BB:CC:00:10:01 are two values.
#
# `acs erp install --apply` installs it. By hand, as System Manager and Script Manager:
#   1. Server scripts must be allowed on the bench:
#      bench set-config -g server_script_enabled 1
#      Do this first: without it no equipment could be saved.
#   2. New "Server Script": name "acs_mac_normaliser", Script Type "DocType Event", Reference
#      Document Type "Service Equipment", DocType Event "Before Validate"; paste this text.
#   3. Adapt FIELD below if the site's name differs.
#
# What is no MAC address is left as it was typed. (In such a script neither a function nor a
# comprehension sees the script's own variables, hence the plain loop.)

FIELD = "mac_address"

digits = ""
for sign in str(doc.get(FIELD) or "").upper():
    if sign in "0123456789ABCDEF":
        digits = digits + sign
    elif sign not in ":-. ":
        digits = digits + "?"

if len(digits) == 12 and "?" not in digits:
    spelled = digits[0:2]
    for start in range(2, 12, 2):
        spelled = spelled + ":" + digits[start : start + 2]
    doc.set(FIELD, spelled)
