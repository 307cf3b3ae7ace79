# ruff: noqa
# mypy: ignore-errors
#
# ERPNext Server Script: makes a whole order in one transaction: customer, location, subscriptions,
# equipment without serial numbers yet, jobs. All of it, or nothing.
#
# `acs erp install --apply` installs it. By hand, as System Manager and Script Manager:
#   1. Server scripts must be allowed on the bench:
#      bench set-config -g server_script_enabled 1
#   2. New "Server Script": name "acs_create_order", Script Type "API",
#      API Method "acs_create_order", Allow Guest off; paste this text.
#   3. Adapt the names below if the site's differ; "" for what it has not.
#   4. The caller needs the right to create each of these doctypes.
#
# POST only: by GET nothing would be saved. Takes
#   order_id       letters, digits and dashes, at most 60. The order is known by it: who asks again
#                  is told what exists, and nothing is made twice.
#   customer       name of an existing customer document, confirmed by a person or an earlier order;
#                  or else customer_name, customer_group, territory (and customer_type, phone, email,
#                  customer_fields) of a new one. Two people may have one name: a customer is never
#                  looked for by it.
#   location       fields of the location, by the site's names
#   subscriptions  list of fields; what has no status waits for the installation
#   equipment      list of types ("ONT") or of fields
#   jobs           list of fields; without it there is one, an installation
# and answers {"created": 1 or 0, "customer", "service_location", "subscriptions", "equipment",
# "dispatch_job" (the first one), "dispatch_jobs"}. What is wrong with an order is told at once,
# before anything is made.
#
# (In such a script neither a function nor a comprehension sees the script's own variables.)

CUSTOMER = {
    "doctype": "Customer",
    "name": "customer_name",
    "phone": "cell_phone",
    "email": "email_billing",
}
LOCATION = {"doctype": "Service Location", "customer": "customer"}
SUBSCRIPTION = {
    "doctype": "Service Subscription",
    "customer": "customer",
    "service_location": "service_location",
    "status": "status",
    "pending": "En attente",
}
EQUIPMENT = {
    "doctype": "Service Equipment",
    "customer": "customer",
    "service_location": "service_location",
    "type": "equipment_type",
    "status": "status",
    "inventory": "Inventaire",
}
JOB = {
    "doctype": "Dispatch Job",
    "customer": "customer",
    "service_location": "service_location",
    "type": "job_type",
    "status": "status",
    "installation": "Installation",
    "open": "Scheduled",
}
ORDER_ID = "order_id"

if frappe.request.method != "POST":
    frappe.throw("POST only")

order = frappe.form_dict
order_id = str(order.get("order_id") or "").strip()
if not order_id or len(order_id) > 60:
    frappe.throw("order_id is required, of at most 60 characters")
for sign in order_id:
    if sign not in "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-":
        frappe.throw("order_id may hold letters, digits and dashes only")

location_name = "SL-" + order_id
job_name = "DJ-" + order_id
created = 0

if frappe.db.exists(JOB["doctype"], job_name):
    done = frappe.get_doc(JOB["doctype"], job_name)
    done.check_permission("read")
    customer = None
    if LOCATION["customer"]:
        customer = frappe.db.get_value(LOCATION["doctype"], location_name, LOCATION["customer"])
else:
    # --- what is wrong with it? ------------------------------------------------------------

    problems = []
    given = {}
    for part in ["location", "subscriptions", "equipment", "jobs", "customer_fields"]:
        value = order.get(part)
        if isinstance(value, str):
            value = json.loads(value)
        given[part] = value

    location = given["location"] or {}
    if not isinstance(location, dict) or not location:
        problems.append("location must name the fields of the place")
        location = {}

    rows = {}
    for part in ["subscriptions", "equipment", "jobs"]:
        rows[part] = given[part] or []
        if not isinstance(rows[part], list) or len(rows[part]) > 50:
            problems.append(part + " must be a list of at most 50")
            rows[part] = []

    kinds = {
        "location": LOCATION,
        "subscriptions": SUBSCRIPTION,
        "equipment": EQUIPMENT,
        "jobs": JOB,
    }
    checked = {"location": [location], "subscriptions": [], "equipment": [], "jobs": []}
    for row in rows["equipment"]:
        if isinstance(row, str):
            row = {EQUIPMENT["type"]: row}
        checked["equipment"].append(row)
    for row in rows["subscriptions"]:
        checked["subscriptions"].append(row)
    for row in rows["jobs"] or [{}]:
        checked["jobs"].append(row)

    if checked["subscriptions"] and not SUBSCRIPTION["doctype"]:
        problems.append("subscriptions: the site has none")

    for part in checked:
        kind = kinds[part]
        if kind["doctype"]:
            meta = frappe.get_meta(kind["doctype"])
            for row in checked[part]:
                if not isinstance(row, dict):
                    problems.append(part + ": each must be an object")
                else:
                    for field in row:
                        # An unknown field would be dropped without a word.
                        if not meta.has_field(field):
                            problems.append(
                                part + ": " + kind["doctype"] + " has no field " + str(field)
                            )
                        elif field in [kind["customer"], kind.get("service_location")]:
                            problems.append(part + ": " + field + " follows from the order")

    customer = order.get("customer")
    extra = given["customer_fields"] or {}
    if customer:
        if not frappe.db.exists(CUSTOMER["doctype"], customer):
            problems.append("customer: there is no " + str(customer))
    else:
        for field in ["customer_name", "customer_group", "territory"]:
            if not order.get(field):
                problems.append(field + " is required, or customer for an existing one")
        if not isinstance(extra, dict):
            problems.append("customer_fields must be an object")
            extra = {}
        meta = frappe.get_meta(CUSTOMER["doctype"])
        for field in extra:
            if not meta.has_field(field):
                problems.append(
                    "customer_fields: " + CUSTOMER["doctype"] + " has no field " + str(field)
                )

    if problems:
        frappe.throw("; ".join(problems))

    # --- make it, the customer first: only then is its name known --------------------------

    if customer:
        known = frappe.get_doc(CUSTOMER["doctype"], customer)
        known.check_permission("read")
        customer = known.name
    else:
        values = {"doctype": CUSTOMER["doctype"]}
        for field in extra:
            values[field] = extra[field]
        values[CUSTOMER["name"]] = order.get("customer_name")
        values["customer_type"] = order.get("customer_type") or "Individual"
        values["customer_group"] = order.get("customer_group")
        values["territory"] = order.get("territory")
        for part in ["phone", "email"]:
            if CUSTOMER[part] and order.get(part):
                values[CUSTOMER[part]] = order.get(part)
        customer = frappe.get_doc(values).insert().name

    names = {"location": "SL-", "subscriptions": "SUB-", "equipment": "SE-", "jobs": "DJ-"}
    for part in ["location", "subscriptions", "equipment", "jobs"]:
        kind = kinds[part]
        number = 0
        for row in checked[part]:
            number = number + 1
            values = {"doctype": kind["doctype"]}
            if kind["customer"]:
                values[kind["customer"]] = customer
            if kind.get("service_location"):
                values[kind["service_location"]] = location_name
            if part == "subscriptions" and SUBSCRIPTION["pending"]:
                values[SUBSCRIPTION["status"]] = SUBSCRIPTION["pending"]
            if part == "equipment" and EQUIPMENT["inventory"]:
                values[EQUIPMENT["status"]] = EQUIPMENT["inventory"]
            if part == "jobs" and JOB["installation"]:
                values[JOB["type"]] = JOB["installation"]
            if part == "jobs" and JOB["open"]:
                values[JOB["status"]] = JOB["open"]
            if part == "jobs" and frappe.get_meta(JOB["doctype"]).has_field(ORDER_ID):
                values[ORDER_ID] = order_id
            for field in row:
                values[field] = row[field]
            # The names are ours whatever the doctype's rule for names: a second order of the same
            # id, at the same moment, fails on them.
            name = names[part] + order_id
            if part == "jobs" and number > 1:
                name = name + "." + str(number)
            elif part != "location" and part != "jobs":
                name = name + "-" + str(number)
            frappe.get_doc(values).insert(set_name=name)
    created = 1

# --- say what there is --------------------------------------------------------------------

found = {"subscriptions": [], "equipment": [], "jobs": [job_name]}
series = {
    "subscriptions": [SUBSCRIPTION["doctype"], "SUB-" + order_id + "-"],
    "equipment": [EQUIPMENT["doctype"], "SE-" + order_id + "-"],
    "jobs": [JOB["doctype"], job_name + "."],
}
for part in series:
    number = len(found[part]) + 1
    while series[part][0] and frappe.db.exists(series[part][0], series[part][1] + str(number)):
        found[part].append(series[part][1] + str(number))
        number = number + 1

frappe.response["message"] = {
    "created": created,
    "customer": customer,
    "service_location": location_name,
    "subscriptions": found["subscriptions"],
    "equipment": found["equipment"],
    "dispatch_job": job_name,
    "dispatch_jobs": found["jobs"],
}
