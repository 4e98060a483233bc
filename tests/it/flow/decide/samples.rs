//! Facts for the tests of deciding: one line in every kind of trouble at once.

use holdfast::flow::facts::Facts;
use serde_json::{Value, json};

/// Everything is known, so that every expression of the catalogue can be evaluated.
pub fn facts() -> Facts {
    serde_json::from_value(everything()).unwrap()
}

/// The same as JSON, to change one member of.
pub fn everything() -> Value {
    json!({
        "now": "2026-11-20T08:00:00Z",
        "order": {
            "order_id": "SO-1", "customer_id": "C-1", "po_number": "PO-77", "channel": "edi", "currency": "EUR",
            "ship_to": "Kai 3, 20457 Hamburg, DE", "ship_to_complete": false, "warehouse_id": "W-1", "carrier_id": "K-1",
            "revision": 1, "cancelled": false, "live": true, "value": 4000.0, "line_count": 2, "open_lines": 2,
            "status": "validated", "placed_at": "2026-11-19T08:00:00Z", "due_at": "2026-11-23T08:00:00Z",
            "age_h": 24.0, "due_in_h": 72.0, "progress": 1
        },
        "line": {
            "line_no": 1, "sku": "A-100", "quantity": 100.0, "unit_price": 20.0, "value": 2000.0, "status": "validated",
            "progress": 1, "open": true, "allocated": false, "warehouse_id": "W-1", "requested_in_h": 72.0,
            "promised_ship_at": "2026-11-23T08:00:00Z", "promised_in_h": 72.0, "promises": 1, "status_age_h": 5.0,
            "expected_price": 22.0, "price_accepted": false, "price_gap": -0.0909, "price_gap_amount": -200.0
        },
        "item": {
            "description": "Valve", "unit_of_measure": "EA", "list_price": 24.0,
            "substitute": { "sku": "A-101", "available": 500.0 }
        },
        "stock": {
            "warehouse_id": "W-1", "on_hand": 80.0, "available": 60.0, "next_receipt_in_h": 150.0,
            "next_receipt_quantity": 400.0, "demand_ahead": 10.0, "competitors": ["SO-0"], "shortfall": 40.0,
            "conflict": 50.0, "alternate": { "warehouse_id": "W-2", "available": 300.0 }
        },
        "customer": {
            "name": "Kran AG", "tier": "A", "credit_limit": 10000.0, "credit_exposure": 9000.0,
            "payment_terms_days": 30
        },
        "credit": {
            "held": true, "held_h": 3.0, "amount": 4000.0, "over_limit": 3000.0, "payment_h": null,
            "payment_amount": null
        },
        "invoice": { "blocked": true, "blocked_h": 5.0, "amount": 4000.0, "number": "I-9", "uninvoiced_h": 30.0 },
        "integration": {
            "system": "edi-gateway", "interface": "orders-in", "document_type": "850", "error_code": "TIMEOUT",
            "detail": null, "attempt": 1, "since_h": 2.0, "open": 1
        },
        "change": {
            "since_h": 1.0, "by": "customer", "after_release": true, "ship_to": "Kai 4, 20457 Hamburg, DE", "line_no": 1,
            "quantity": 120.0, "requested_in_h": 96.0, "cancels": false
        },
        "shipment": {
            "shipment_id": "S-1", "carrier_id": "K-1", "tracking_number": "T1", "milestone": "pickup_missed",
            "since_h": 4.0, "overdue_h": 4.0, "detail": null
        },
        "purchase_order": {
            "purchase_order_id": "B-1", "supplier_id": "L-1", "quantity": 400.0, "due_in_h": 150.0, "confirmed": false
        },
        "cites": {}
    })
}
