# ruff: noqa
# mypy: ignore-errors
#
# ERPNext Server Script: takes what the ACS has to say of equipment, many rows in one request.
#
# Install once, as System Manager:
#   1. Server scripts must be allowed on the bench:
#      bench set-config -g server_script_enabled 1
#   2. New "Server Script": name "acs_write_back", Script Type "API",
#      API Method "acs_write_back", Allow Guest off; paste this text.
#   3. Adapt FIELDS below if the site's names differ: nothing else can be written by it.
#   4. The ERPNext user of the ACS needs write permission on the doctype.
#
# Takes {"rows": [up to 100 of {"doctype": ..., "name": ..., "fields": {...}}]} and answers a list
# of {"name": ..., "ok": true or false, "error": text or null}, one for each row. What is wrong with
# one row is told of that row alone.
#
# It writes without a save: no webhook, no version, and `modified` stays. So what the ACS tells of a
# box does not come back to it as a change, and staff who have the form open can save it. Values
# are not validated against a field's options: write to fields of plain types only.

FIELDS = {
    "Service Equipment": [
        "last_seen",
        "firmware_version",
        "model",
        "ip_address",
        "optical_rx_dbm",
        "provisioning_status",
        "provisioned_on",
        "provisioning_note",
    ],
}

if frappe.request.method != "POST":
    frappe.throw("POST only")

rows = frappe.form_dict.get("rows")
if isinstance(rows, str):
    rows = json.loads(rows)
if not isinstance(rows, list):
    frappe.throw("rows must be a list")
if len(rows) > 100:
    frappe.throw("At most 100 rows at a time")

answer = []
for row in rows:
    doctype = row.get("doctype")
    name = row.get("name")
    fields = row.get("fields") or {}
    error = None
    if doctype not in FIELDS:
        error = str(doctype) + " is not written by this script"
    elif not name or not frappe.db.exists(doctype, name):
        error = str(doctype) + " " + str(name) + " not found"
    elif not frappe.has_permission(doctype, "write", name):
        error = "No permission to write " + doctype + " " + str(name)
    else:
        meta = frappe.get_meta(doctype)
        for field in fields:
            if field not in FIELDS[doctype]:
                error = field + " is not among FIELDS of the script acs_write_back"
            elif not meta.has_field(field):
                error = doctype + " has no field " + field
    if error is None and fields:
        frappe.db.set_value(doctype, name, fields, update_modified=False)
    answer.append({"name": name, "ok": error is None, "error": error})

frappe.response["message"] = answer
