# ruff: noqa
# mypy: ignore-errors
#
# ERPNext Server Script: hands the passwords of Service Equipment to the ACS.
#
# Install once, as System Manager:
#   1. Server scripts must be allowed on the bench:
#      bench set-config -g server_script_enabled 1
#   2. New "Server Script": name "acs_equipment_secrets", Script Type "API",
#      API Method "acs_equipment_secrets", Allow Guest off; paste this text.
#   3. Adapt DOCTYPE and FIELDS below if the site's names differ.
#      "service_subscription.pppoe_password" is a field of the document that a link field of the
#      equipment leads to.
#   4. The ERPNext user of the ACS needs write permission on the doctype (and on linked ones that
#      FIELDS names): the right to change a password is taken as the right to know it. Nobody
#      else gets anything.
#
# Takes {"names": [up to 500]} and answers a list of
# {"name": ..., "modified": ..., "<password field>": text or null, ...};
# takes {"name": ...} and answers one such object. A name that does not exist is left out
# of the list, and is an error alone. POST only, so that names stay out of access logs.

DOCTYPE = "Service Equipment"
FIELDS = ["wifi_password", "sip_password"]

if frappe.request.method != "POST":
    frappe.throw("POST only")

if not frappe.has_permission(DOCTYPE, "write"):
    frappe.throw("No permission for " + DOCTYPE, frappe.PermissionError)

names = frappe.form_dict.get("names")
single = frappe.form_dict.get("name")
if isinstance(names, str):
    names = json.loads(names)
if names is None:
    if not single:
        frappe.throw("names or name is required")
    names = [single]
if len(names) > 500:
    frappe.throw("At most 500 names at a time")

answer = []
for name in names:
    if single and not frappe.db.exists(DOCTYPE, name):
        frappe.throw(DOCTYPE + " " + str(name) + " not found", frappe.DoesNotExistError)
    if frappe.db.exists(DOCTYPE, name):
        doc = frappe.get_doc(DOCTYPE, name)
        doc.check_permission("write")
        row = {"name": doc.name, "modified": str(doc.modified)}
        for field in FIELDS:
            if "." in field:
                parts = field.split(".")
                linked = frappe.get_meta(DOCTYPE).get_field(parts[0]).options
                target = doc.get(parts[0])
                row[field] = None
                if target and frappe.db.exists(linked, target):
                    there = frappe.get_doc(linked, target)
                    there.check_permission("write")
                    row[field] = there.get_password(parts[1], raise_exception=False)
            else:
                row[field] = doc.get_password(field, raise_exception=False)
        answer.append(row)

if single:
    frappe.response["message"] = answer[0]
else:
    frappe.response["message"] = answer
