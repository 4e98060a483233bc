//! What suppliers, carriers, systems, colleagues and strangers write.
//!
//! Guarantees: ten variants per table. Non-goals: languages other than English.

type Bank = [(&'static str, &'static str); 10];

pub(super) const SUPPLY_DELAY: Bank = [
    ("Delay {pur}", "Unfortunately {pur} will be late. New date for {sku}: {date}."),
    ("{pur} postponed", "Our furnace is down, so {qty} x {sku} on {pur} can leave only for {date}."),
    ("New delivery date", "Please note the new delivery date {date} for your order {pur}."),
    ("Late: {sku}", "Raw material came late. {pur} is now planned for {date}."),
    ("Your order {pur}", "We regret to inform you that {pur} slips to {date}."),
    ("Schedule change {pur}", "Schedule change: {sku}, {qty} pieces, {pur}, now {date}."),
    ("Shipment moved", "The truck with {pur} was cancelled. You will have the goods on {date}."),
    ("Sorry for the delay", "Sickness in assembly. {sku} from {pur} needs until {date}."),
    ("Revised confirmation {pur}", "Revised confirmation: {pur} / {sku} / {date}."),
    ("Delivery problem", "We cannot keep the date of {pur}. Earliest is {date}."),
];

pub(super) const SUPPLY_SHORTAGE: Bank = [
    (
        "Short shipment {pur}",
        "We could not ship all of {pur}. Part of the {qty} {sku} is missing and will not follow soon.",
    ),
    ("{pur} incomplete", "Only a part of {sku} on {pur} was available."),
    ("Allocation {sku}", "{sku} is on allocation. {pur} went out with less than ordered."),
    ("Partial delivery", "Please accept a partial delivery on {pur}; the balance is cancelled."),
    ("Not enough {sku}", "Yield was poor this week. {pur} is short of {qty}."),
    ("Quantity on {pur}", "Of the {qty} on {pur} we could deliver only a share."),
    ("Supply shortage", "Because of a shortage of steel we shortened {pur}, item {sku}."),
    ("Reduced delivery", "Your {pur} was reduced. Please reorder the rest of {sku}."),
    ("Missing pieces {pur}", "Packing found fewer {sku} than planned for {pur}."),
    ("Shortfall {sku}", "There is a shortfall on {sku}. {pur} is closed with what we had."),
];

pub(super) const SUPPLY_CONFIRMATION: Bank = [
    ("Order confirmation {pur}", "We confirm {pur}: {qty} x {sku}, {date}."),
    ("{pur} confirmed", "Thank you for {pur}. Delivery on {date} as asked."),
    ("Confirmation", "{sku}, {qty}, {date}. Your order {pur} is booked."),
    ("Re: {pur}", "All fine with {pur}, it will be there on {date}."),
    ("Booked: {pur}", "Your {pur} is in production. {date} holds."),
    ("Acknowledgement {pur}", "We acknowledge receipt of {pur} and confirm {date}."),
    ("Ship date {pur}", "{pur} is on schedule for {date}."),
    ("Advance notice", "Advance notice: {qty} {sku} for {pur}, arriving {date}."),
    ("Your purchase order", "Purchase order {pur} accepted. Expected {date}."),
    ("On time", "Good news, {sku} on {pur} is on time for {date}."),
];

pub(super) const COST_CHANGE: Bank = [
    ("New price {sku}", "From {date} the price of {sku} rises. The new list is attached."),
    ("Price increase", "Energy costs force us to raise the price of {sku}."),
    ("Price list", "Please note our new price list, valid from {date}; {sku} is affected."),
    ("Cost adjustment {sku}", "We have to adjust the cost of {sku} as of {date}."),
    ("Surcharge", "A material surcharge applies to {sku} from {date}."),
    ("{sku} becomes dearer", "Sadly {sku} becomes dearer. Open orders stay at the old price."),
    ("Annual price review", "Result of our yearly review: {sku} up, the rest unchanged."),
    ("Alloy surcharge", "The alloy surcharge for {sku} was renewed, valid {date}."),
    ("Change of conditions", "Conditions for {sku} change with effect of {date}."),
    ("Information on prices", "We would like to inform you early: {sku} will cost more from {date}."),
];

pub(super) const PICKUP_FAILURE: Bank = [
    ("Missed pick-up {order}", "Our driver did not make it today. Shipment {track} for {order} is still with you."),
    ("Pick-up failed {track}", "Vehicle breakdown: {track} could not be collected."),
    ("No collection today", "We could not collect {order} before you closed."),
    ("{track} not collected", "Tour overfull, {track} stays until the next tour."),
    ("Collection exception", "Exception on {track}: pick-up not carried out. Reference {order}."),
    ("Sorry, pick-up missed", "The driver ran out of hours. {order} will be collected on the next working day."),
    ("Failed collection {order}", "Dock was occupied according to the driver, {order} was left behind."),
    ("Pick-up moved", "Pick-up of {track} is moved, new plan {date}."),
    ("Driver shortage", "For lack of drivers we did not collect {order} ({track})."),
    ("Notice {track}", "Status {track}: not handed over."),
];

pub(super) const TRANSIT_DELAY: Bank = [
    ("Delay {track}", "{track} is stuck at our hub. New estimate {date}."),
    ("Shipment late", "Because of a motorway closure {track} ({order}) will be late."),
    ("{track} delayed", "Sorting fault: {track} missed its connection, now {date}."),
    ("Transit delay {order}", "Transit of {order} takes longer than planned. We expect {date}."),
    ("Weather delay", "Snow on the route. {track} arrives later than shown."),
    ("New estimate {track}", "New estimated arrival of {track}: {date}."),
    ("Hub backlog", "A backlog at the hub holds up {track} for {order}."),
    ("Late arrival", "{order} will not arrive today. Tracking {track}."),
    ("Customs check", "{track} was taken out for a check and goes on tomorrow."),
    ("Linehaul cancelled", "The linehaul with {track} was cancelled; delivery {date}."),
];

pub(super) const DELIVERY_FAILURE: Bank = [
    ("Delivery failed {track}", "Nobody was there to accept {track}. Please advise."),
    ("{order} undeliverable", "Address of {order} could not be found, {track} is back at the depot."),
    ("Refused delivery", "The consignee refused {track}."),
    ("Second attempt needed", "First attempt for {track} failed. We need a time window."),
    ("Closed on arrival", "Consignee closed. {order} goes out again on the next day."),
    ("Delivery exception {track}", "Exception: {track} not delivered, phone number missing."),
    ("No unloading possible", "No forklift at the site of {order}. {track} was not unloaded."),
    ("Address problem {track}", "Please check the address of {track}; the driver could not deliver."),
    ("Failed attempt", "Failed attempt for {order}. Stored at the depot for five days."),
    ("Not delivered: {track}", "We could not deliver {track}. Instructions please."),
];

pub(super) const INTEGRATION: Bank = [
    ("Interface error {order}", "Document for {order} was rejected by the interface."),
    ("EDI failure", "Transaction for order {order} failed. See the gateway log."),
    ("Rejected: {order}", "Partner message about {order} did not pass validation."),
    ("Alert: {order}", "Alert from the monitor: transfer for {order} stopped."),
    ("Queue stuck", "Message for {order} is in the error queue."),
    ("Mapping fault {order}", "A code in the document for {order} has no mapping."),
    ("AS2 error", "No receipt from the partner for {order}; the transfer is open."),
    ("Duplicate document", "The document for {order} came in more than once and was parked."),
    ("Transmission failed {order}", "Transmission failed, {order} has not reached the next system."),
    ("Error notice", "Interface notice: {order} not processed."),
];

pub(super) const APPROVAL: Bank = [
    ("Re: {order}", "Fine with me for {order}."),
    ("Re: your question on {order}", "Not yet please, I want to see the numbers for {order} first."),
    ("Approval {order}", "I have looked at {order}: go ahead as you proposed."),
    ("Re: please decide {order}", "No, we do not do that for {order}."),
    ("{order} ok", "OK from my side, {order} can go."),
    ("Re: escalation", "Seen. Let us wait a day with {order}."),
    ("Re: {order} review", "Review done for {order}, agreed."),
    ("Re: request {order}", "I would rather not. Talk to sales about {order}."),
    ("Decision {order}", "Agreed for {order}, but only this once."),
    ("Re: {order} for release", "Please put {order} on the list for tomorrow, then I sign."),
];

pub(super) const IRRELEVANT: Bank = [
    ("Out of office", "I am out of the office and back on {date}. Your message is not forwarded."),
    ("Trade fair tickets", "Two free tickets for the spring fair are waiting for you."),
    ("Newsletter", "Ten trends in warehouse automation: read more in this month's issue."),
    ("Office chairs 30 % off", "Only this week: chairs, desks and lamps at a special price."),
    ("Summer party", "Who brings a cake? Please answer by {date}."),
    ("Webinar invitation", "Join our free webinar on cash-flow planning on {date}."),
    ("Password tips", "How strong is your password? Our five tips."),
    ("Survey", "Please take two minutes and tell us how you like our service."),
    ("Lost umbrella", "Somebody left a blue umbrella in the meeting room."),
    ("Invitation to connect", "I would like to add you to my network of logistics experts."),
];
