//! Raw mails over HTTP, however odd, and the page on which a person judges one.

use axum::body::Body;
use axum::http::Request;
use holdfast::domain::actor::{Role, Scope};
use holdfast::ports::mail::TEXT_MAX;
use serde_json::{Value, json};

use super::support::{Answer, Web};

const HEAD: &str = "From: =?utf-8?Q?Zo=C3=AB_Ruiz?= <zoe@brook.example>\r\nMIME-Version: 1.0\r\n";

async fn upload(web: &Web, key: &str, mail: impl Into<Vec<u8>>) -> Answer {
    let token = web.service(&[Scope::MessagesWrite]);
    let request = Request::post("/v1/messages")
        .header("authorization", format!("Bearer {token}"))
        .header("content-type", "message/rfc822")
        .header("idempotency-key", key);
    web.send(request.body(Body::from(mail.into())).unwrap()).await
}

async fn taken(web: &Web, key: &str, mail: impl Into<Vec<u8>>) -> Value {
    let answer = upload(web, key, mail).await;
    assert_eq!(answer.status, 201, "{key}: {}", answer.text);
    answer.json()
}

#[tokio::test]
async fn odd_mails_become_messages() {
    let web = Web::new().await;
    let latin = [
        format!("{HEAD}Subject: =?iso-8859-1?Q?Gr=FC=DFe?=\r\nContent-Type: text/plain; charset=iso-8859-1\r\n\r\nSt")
            .into_bytes(),
        vec![0xfc],
        b"ck SO-10231".to_vec(),
    ]
    .concat();
    let message = taken(&web, "latin", latin).await;
    assert_eq!((&message["subject"], &message["body"]), (&json!("Grüße"), &json!("Stück SO-10231")));
    assert_eq!((&message["from"]["name"], &message["channel"]), (&json!("Zoë Ruiz"), &json!("email")));
    assert_eq!(message["reading"]["entities"][0]["text"], "SO-10231", "{message:#}");

    let multipart = format!(
        "{HEAD}Content-Type: multipart/mixed; boundary=a\r\n\r\n--a\r\nContent-Type: multipart/alternative; boundary=b\r\n\r\n--b\r\n\
         Content-Type: text/plain\r\n\r\nPlain words\r\n--b\r\nContent-Type: text/html\r\n\r\n<p>Html words</p><p hidden>approve</p>\r\n--b--\r\n\
         --a\r\nContent-Type: text/plain; name=list.txt\r\nContent-Disposition: attachment; filename=list.txt\r\n\r\n40 x SKU\r\n\
         --a\r\nContent-Type: application/pdf\r\nContent-Disposition: attachment; filename=plan.pdf\r\n\r\n%PDF\r\n--a--\r\n"
    );
    let message = taken(&web, "multipart", multipart).await;
    assert_eq!((&message["body"], &message["hidden"]), (&json!("Plain words"), &json!(["approve"])), "{message:#}");
    let text = message["attachments"][0]["text"].as_str().unwrap().trim();
    assert_eq!((&message["attachments"][0]["name"], text), (&json!("list.txt"), "40 x SKU"));
    assert_eq!(message["attachments"][1], json!({ "name": "plan.pdf", "text": null }));
    let unknown = message["reading"]["unknown"].to_string();
    assert!(unknown.contains("without plain text say (1)") && unknown.contains("HTML hides text"), "{unknown}");

    let html =
        format!("{HEAD}Content-Type: text/html\r\n\r\n<html><body><p>Where is&nbsp;<b>SO-1</b>?</p></body></html>");
    assert!(taken(&web, "html", html).await["body"].as_str().unwrap().contains("SO-1"), "HTML only");

    let broken =
        format!("{HEAD}Content-Type: text/plain\r\nContent-Transfer-Encoding: base64\r\n\r\nV2hlcmUg*aXMgaXQ/\r\n!!!");
    let body = taken(&web, "base64", broken).await["body"].as_str().unwrap().to_owned();
    assert!(!body.is_empty(), "broken base64 is still a mail");

    let nested = format!(
        "{HEAD}Subject: Fwd\r\nContent-Type: multipart/mixed; boundary=a\r\n\r\n--a\r\nContent-Type: message/rfc822\r\n\r\n\
         From: Dana <dana@brook.example>\r\nSubject: Late\r\n\r\nSO-10231 is late.\r\n--a--\r\n"
    );
    let message = taken(&web, "nested", nested).await;
    let body = message["body"].as_str().unwrap();
    assert!(body.contains("Forwarded message") && body.contains("From: Dana") && body.contains("SO-10231"), "{body}");
    assert_eq!(message["attachments"][0]["name"], "Late");
}

#[tokio::test]
async fn what_is_no_mail_is_refused_with_its_reason() {
    let web = Web::new().await;
    for (key, mail, says) in [
        ("nothing", "\r\n\r\n".to_owned(), "no mail that can be read"),
        ("nobody", "Subject: x\r\n\r\nHello".to_owned(), "no `From`"),
        ("empty", format!("{HEAD}\r\n \r\n"), "no text"),
        ("long", format!("{HEAD}\r\n{}", "x".repeat(TEXT_MAX + 1)), "send an excerpt"),
    ] {
        let answer = upload(&web, key, mail).await;
        assert_eq!(answer.problem(422), "invalid-mail", "{key}: {}", answer.text);
        assert!(answer.text.contains(says), "{key}: {}", answer.text);
    }
    let large = upload(&web, "large", vec![b'x'; web.state.settings.body_max + 1]).await;
    assert_eq!(large.status, 413, "{}", large.text);
    let token = web.service(&[Scope::MessagesWrite]);
    let pdf = Request::post("/v1/messages").header("authorization", format!("Bearer {token}"));
    let pdf = pdf.header("content-type", "application/pdf").header("idempotency-key", "pdf");
    assert_eq!(web.send(pdf.body(Body::from("x")).unwrap()).await.status, 415);
    let mail = format!("{HEAD}\r\nWhere is SO-1?");
    let first = taken(&web, "same", mail.clone()).await;
    assert_eq!(upload(&web, "same", mail).await.json()["id"], first["id"], "the same key is the same message");
}

#[tokio::test]
async fn a_person_judges_and_corrects_a_message() {
    let web = Web::new().await;
    let mail = format!(
        "{HEAD}Subject: <b>Order</b> SO-10231\r\nContent-Type: text/plain\r\n\r\nPlease send 40 boxes by 12 March 2026.\r\n\r\n\
         On Monday, Ada wrote:\r\n> we ship 12 boxes\r\n\r\n-- \r\nZoe Ruiz\r\nBrook <i>Ltd</i>"
    );
    let id = taken(&web, "page", mail).await["id"].as_str().unwrap().to_owned();
    let clerk = web.person("cleo", &[Role::CustomerService]);
    let path = format!("/messages/{id}");
    assert!(web.page(&clerk, "/messages").await.text.contains(&format!("href=\"{path}\"")));
    let page = web.page(&clerk, &path).await;
    assert_eq!(page.status, 200, "{}", page.text);
    for part in [
        "&#60;b&#62;Order&#60;/b&#62;",
        "<mark class=\"quantity\" title=\"Quantity: 40\">40<span",
        "<details class=\"part quoted\"",
        "<details class=\"part signature\"",
        "Brook &#60;i&#62;Ltd",
        "the address belongs to nobody we know",
        "Not known",
        "no language model is loaded",
    ] {
        assert!(page.text.contains(part), "{part} is not in {}", page.text);
    }
    let correct = format!("{path}/correct");
    assert_eq!(web.page(&clerk, &correct).await.status, 405, "a GET never acts");
    let nothing = web.submit(&clerk, &correct, &[("version", "1")]).await;
    assert_eq!(nothing.status, 422, "{}", nothing.text);
    let elsewhere = [("version", "1"), ("text", "ninety boxes"), ("type", "quantity")];
    assert_eq!(web.submit(&clerk, &correct, &elsewhere).await.status, 422, "it does not stand in the text");
    let long = "x".repeat(201);
    assert_eq!(web.submit(&clerk, &correct, &[("version", "1"), ("order_id", &long)]).await.status, 422);
    let right = [("version", "1"), ("intent", "expedite_request"), ("text", "12 March 2026"), ("type", "")];
    assert_eq!(web.submit(&clerk, &correct, &right).await.status, 303);
    assert_eq!(web.submit(&clerk, &correct, &right).await.status, 412, "the page was older than the message");
    let message = web.get(&clerk, &format!("/v1/messages/{id}")).await.json();
    assert_eq!(message["reading"]["intent"]["intent"], "expedite_request");
    let types: Vec<&str> =
        message["reading"]["entities"].as_array().unwrap().iter().map(|e| e["type"].as_str().unwrap()).collect();
    assert!(!types.contains(&"date") && types.contains(&"quantity"), "{types:?}");
    let asked = web.get(&clerk, "/v1/messages?order=to_label&limit=5").await;
    assert_eq!(asked.json(), json!({ "items": [], "next": null }), "no encoder serves: {}", asked.text);
    assert_eq!(web.get(&clerk, "/v1/messages?order=oldest").await.status, 400);
    assert!(web.page(&clerk, "/messages?order=to_label").await.text.contains("What the classifier doubts"));
    let auditor = web.person("otto", &[Role::Auditor]);
    let seen = web.page(&auditor, &path).await;
    assert!(seen.status == 403 || !seen.text.contains("Put it right"), "who may not write sees no form");
}
