//! What customers write.
//!
//! Guarantees: ten variants per table. Non-goals: languages other than English.

type Bank = [(&'static str, &'static str); 10];

pub(super) const ORDER_STATUS: Bank = [
    ("Status of {ref}", "Hello, could you tell me where {ref} stands? We expected it to leave around {date}."),
    ("{ref}?", "Any news on {ref}? The portal has shown the same status for two days."),
    ("Open order", "Good morning, please let me know whether {sku} on order {ref} will ship as promised."),
    ("Question about our order {ref}", "Our stores desk asks me every hour. Has {ref} left your warehouse yet?"),
    ("Tracking for {ref}", "I have no tracking number for {ref} so far. When do I get one?"),
    ("Delivery date {ref}", "Can you confirm that {date} still holds for {ref}? I have to book the fitters."),
    ("Following up on {ref}", "Second try: what is going on with {ref}? A one-line answer is enough."),
    ("Where are the {sku}?", "We are waiting for {qty} of {sku} from {ref}. Is it picked, packed, anything?"),
    ("Order {ref} update please", "Hi team, short update on {ref} please so that I can plan next week."),
    ("Status request", "Kindly advise the present status of our purchase {ref}, item {sku}."),
];

pub(super) const EXPEDITE: Bank = [
    ("URGENT {ref}", "Our line stands still without {sku}. Please get {ref} out today, whatever it takes."),
    ("Please speed up {ref}", "Could you bring {ref} forward? We need the {sku} before {date}."),
    ("Faster delivery for {ref}", "Is there a way to ship {ref} sooner? We would pay for express."),
    ("{sku} needed earlier", "A breakdown at our plant: can you pull {qty} x {sku} on {ref} ahead?"),
    ("Rush {ref}", "Please treat {ref} as a rush order from now on. Earliest possible dispatch."),
    ("Priority for our order", "I know you are busy, but {ref} must go before the others. Can you move it up?"),
    ("Escalation {ref}", "My plant manager is asking. {ref} has to leave by {date} at the latest, better tomorrow."),
    ("Need it sooner", "The ship date of {ref} does not work for us any more. What is the earliest you can do?"),
    ("Express possible?", "Would it help if we send our own truck for {ref}? We cannot wait until {date}."),
    ("Hurry please", "We are down to our last box of {sku}. Please hurry with {ref}."),
];

pub(super) const POSTPONE: Bank = [
    ("Please hold {ref} back", "Our site is not ready. Can you ship {ref} on {new} instead of {date}?"),
    ("Later delivery {ref}", "Please move {sku} on {ref} to {new}; we have no room to store it now."),
    ("Delay our order", "No rush with {ref}. {new} would suit us much better."),
    ("New date for {ref}", "The project slipped, so we would like {ref} to leave on {new}."),
    ("Reschedule {ref}", "Could you reschedule order {ref}, line {sku}, to {new}? Thank you."),
    ("Works holiday", "We are closed the coming days. Please do not send {ref} before {new}."),
    ("{ref} not yet please", "Kindly keep {ref} in your house until {new}."),
    ("Postponement", "With regret we have to postpone {ref} to {new}. Please confirm."),
    ("Date change {ref}", "Can the {qty} pieces of {sku} come later? {new} is our new target."),
    ("Shift delivery", "Our customer moved the installation. Please shift {ref} to {new}."),
];

pub(super) const QUANTITY: Bank = [
    ("Change of quantity {ref}", "Please change {sku} on {ref} from {qty} to {new}."),
    ("{ref}: new quantity", "We miscounted. On {ref} we need {new} of {sku}, not {qty}."),
    ("Amend {ref}", "Kindly amend our order {ref}: {sku} quantity {new}."),
    ("Quantity", "Is it too late to make it {new} instead of {qty} for {sku} ({ref})?"),
    ("Correction to our order {ref}", "A typing mistake on our side, {sku} should read {new}. Everything else stays."),
    ("Adjust {ref}", "Could you adjust the line with {sku} to {new} units? Order {ref}."),
    ("Please update {ref}", "Our planner recalculated: {new} x {sku} will do on {ref}."),
    ("Order change", "Order {ref}, {sku}: old {qty}, new {new}. Please send a changed confirmation."),
    ("Different amount of {sku}", "Regarding {ref}, we now want {new} of the {sku}."),
    ("Revision of {ref}", "Attached revision of {ref}: only change is {sku} to {new}."),
];

pub(super) const ITEM: Bank = [
    ("Wrong article on {ref}", "I ordered {sku} on {ref} but we need {new}. Can you swap it?"),
    ("Swap item {ref}", "Please replace {sku} by {new} on {ref}, same quantity."),
    ("{ref}: other article", "Our technician says {sku} does not fit. {new} please, order {ref}."),
    ("Article change", "Could you change order {ref} from {sku} to {new}?"),
    ("Mixed up part numbers", "Sorry, part numbers mixed up. {ref} should be {new} and not {sku}."),
    ("Different type needed", "On {ref} kindly deliver {new} in place of {sku}."),
    ("Please exchange {sku}", "We would rather take {new}. Is an exchange on {ref} still possible?"),
    ("Substitution {ref}", "If not shipped yet: put {new} on {ref}, drop {sku}."),
    ("Change part on {ref}", "Drawing revision came in, {sku} becomes {new}. Concerns {ref}."),
    ("Order {ref} item", "Take out {sku}, put in {new}, {qty} as before. Order {ref}."),
];

pub(super) const CANCEL: Bank = [
    ("Cancel {ref}", "Please cancel {sku} on order {ref}. We no longer need it."),
    ("Cancellation", "We have to cancel {ref}, line {sku}. Please confirm in writing."),
    ("{ref} not needed", "The job was called off. Can you stop {ref}?"),
    ("Withdraw order {ref}", "We withdraw the {qty} x {sku} from {ref}."),
    ("Stop {ref} please", "If it is not out yet, please do not ship {sku} on {ref}."),
    ("Order placed twice", "It seems we ordered {sku} twice. Please take it off {ref}."),
    ("Please void", "Kindly void the line {sku} of our {ref}."),
    ("Cancel request {ref}", "We bought {sku} locally in the meantime, so {ref} can be cancelled."),
    ("No longer required", "{sku} on {ref} is no longer required. Any charges?"),
    ("Annul {ref}", "Our customer went away, so please annul {ref} for {sku}."),
];

pub(super) const SHIP_TO: Bank = [
    ("Delivery address {ref}", "Please deliver {ref} to: {addr}."),
    ("Address for {ref}", "You asked for the address of {ref}. It is {addr}."),
    ("Correct ship-to", "The ship-to on {ref} is not right. Use {addr} instead."),
    ("{ref}: other address", "We want {ref} at another gate: {addr}."),
    ("Change of delivery address", "Kindly change the delivery address of {ref} to {addr}."),
    ("Ship to", "For {ref} the goods go to {addr}, thank you."),
    ("Missing address", "Sorry, our system left the address out. {ref} should go to {addr}."),
    ("New ship-to {ref}", "New ship-to for {ref}: {addr}. The invoice address stays."),
    ("Redirect {ref}", "Can {ref} be redirected to {addr}?"),
    ("Our order {ref}", "Postal code was missing on {ref}. Full address: {addr}."),
];

pub(super) const BACKORDER: Bank = [
    ("Re: {ref} new date", "The later date for {sku} on {ref} is fine with us."),
    ("Re: backorder {ref}", "Please send what you have of {ref} and the rest when it comes."),
    ("Re: delay of {ref}", "We cannot accept this delay for {ref}. Is there no other stock of {sku}?"),
    ("Re: substitute for {sku}", "The replacement you offered for {sku} on {ref} is acceptable."),
    ("Re: {ref}", "Keep {sku} on backorder for {ref}, we wait."),
    ("Re: part delivery", "No part deliveries please, {ref} has to come complete."),
    ("Re: your notice about {ref}", "Understood. If {sku} gets any later we look elsewhere."),
    ("Re: availability", "Please do not substitute {sku} on {ref}, only the original is approved."),
    ("Re: order {ref} short", "OK for the split of {ref}. Who pays the second freight?"),
    ("Re: new promise", "I take note of the new date for {ref}. Please inform me when it leaves."),
];

pub(super) const PRICE: Bank = [
    ("Price on {ref}", "Your confirmation of {ref} shows another price for {sku}. We ordered at {price}."),
    ("Wrong price {sku}", "According to our agreement {sku} costs {price}. Please check {ref}."),
    ("{ref}: price difference", "Why was the price of {sku} changed? Our {ref} says {price}."),
    ("Price query", "Please explain the price of {sku} on {ref}; we have {price} in our system."),
    ("Disagree with price", "We do not accept a price above {price} for {sku}, see {ref}."),
    ("Quotation price", "{ref} was placed on your quotation: {price} for {sku}. Please honour it."),
    ("New price list?", "Nobody told us of a new list. {ref} should run at the old price of {price}."),
    ("Price correction", "Kindly correct {sku} on {ref} to {price} EUR."),
    ("Pricing error {ref}", "There is a pricing error on {ref}. {sku}: {price} each, as always."),
    ("Contract price {sku}", "We have a contract for {sku}. The price on {ref} is {price}, not what you confirmed."),
];

pub(super) const PAYMENT: Bank = [
    ("Payment made", "We have transferred EUR {amount} today. Please release {ref}."),
    ("Remittance advice", "EUR {amount} left our account this morning. This should free {ref}."),
    ("Payment for open items", "Payment of {amount} EUR was sent, value date {date}. Concerns {ref} among others."),
    ("Transfer done", "The {amount} EUR are on their way. Kindly go on with {ref}."),
    ("Re: account", "Overdue items are settled with {amount} EUR. Please ship {ref}."),
    ("Proof of payment", "Please find proof of payment over EUR {amount}. Our order {ref} waits for it."),
    ("Paid", "Just paid {amount}. Can {ref} leave now?"),
    ("Bank transfer {amount} EUR", "Our treasury executed EUR {amount}. Reference {ref}."),
    ("Prepayment {ref}", "Prepayment for {ref} was made: EUR {amount}."),
    ("Payment notice", "We inform you of a payment of {amount} EUR. Please unblock {ref}."),
];

pub(super) const CREDIT: Bank = [
    ("Credit hold {ref}", "Why is {ref} on hold? Please release it, the payment run is on Thursday."),
    ("Release {ref} please", "We are good for {amount} EUR. Could you raise our limit for {ref}?"),
    ("Account blocked?", "I hear our account is blocked. Please let {ref} go, we always pay."),
    ("Higher limit", "Our volume has grown. Please look at our credit limit so that {ref} can ship."),
    ("Credit line", "We ask for a temporary extension of the credit line for {ref}, EUR {amount}."),
    ("{ref} stopped by finance", "Your finance stopped {ref}. What do you need from us to release it?"),
    ("Request: credit release", "Kindly release order {ref} from credit hold."),
    ("Payment terms {ref}", "Could {ref} be shipped now and paid in two parts?"),
    ("Limit increase", "Please increase our limit by {amount} EUR; balance sheet on request. See {ref}."),
    ("On hold again", "Once more an order of ours is held: {ref}. Can we settle this for good?"),
];

pub(super) const INVOICE: Bank = [
    ("Invoice for {ref}", "We received the goods of {ref} but no invoice {inv}. Please send it."),
    ("{inv}", "A question about invoice {inv}: which delivery does it belong to? We have {ref}."),
    ("Invoice missing", "Month end is near and the invoice for {ref} is missing."),
    ("Re: {inv}", "Please put our number {po} on invoice {inv}, we cannot book it otherwise."),
    ("Invoice copy", "Could you mail a copy of {inv} for {ref}?"),
    ("Billing question {ref}", "When will {ref} be billed? Our accrual closes this week."),
    ("Wrong quantity on {inv}", "Invoice {inv} does not match what we received on {ref}."),
    ("Accounts payable", "We cannot match {inv}. Please check against {ref}."),
    ("VAT on {inv}", "Our VAT number is missing on {inv} ({ref})."),
    ("Where is the invoice?", "{ref} arrived days ago. Still waiting for {inv}."),
];

pub(super) const CLAIM: Bank = [
    ("Damaged goods {ref}", "Part of {ref} arrived damaged, parcel {track}. Photos follow."),
    ("Short delivery {ref}", "{ref} came short: {sku} is not complete. Tracking {track}."),
    ("Claim {ref}", "We have to claim {ref}. The box with {sku} was open."),
    ("Wrong goods", "Instead of {sku} we got something else with {ref}."),
    ("Complaint about {ref}", "The {sku} of {ref} are rusty. Please replace them."),
    ("Missing parcel", "{track} is marked delivered but nobody here has seen {ref}."),
    ("Return {ref}", "We want to return {sku} from {ref}; quality is not as agreed."),
    ("Transport damage", "Pallet of {ref} was crushed, the driver noted it. Tracking {track}."),
    ("{ref} incomplete", "Delivery note of {ref} says {qty}, we counted fewer {sku}."),
    ("Defective {sku}", "Several of the {sku} from {ref} do not work. How do we go on?"),
];

pub(super) const DOCUMENT: Bank = [
    ("Certificate for {ref}", "Please send the material certificate for {sku}, order {ref}."),
    ("Delivery note {ref}", "We need a copy of the delivery note for {ref}."),
    ("Confirmation {ref}", "May I have a written order confirmation for {ref}?"),
    ("Data sheet {sku}", "Could you send the data sheet of {sku}? It is for {ref}."),
    ("Certificate of origin", "For customs we need a certificate of origin for {ref}."),
    ("Documents", "Please mail packing list and weights for {ref}."),
    ("Proof of delivery", "Our auditor asks for the proof of delivery of {ref}."),
    ("Safety data sheet", "Kindly provide the safety data sheet for {sku} ({ref})."),
    ("Test report {ref}", "Is there a test report 3.1 for {sku} on {ref}? Please forward."),
    ("Papers for {ref}", "The papers of {ref} got lost here. Please send them again as PDF."),
];
