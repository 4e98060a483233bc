//! Pages: every template renders, markup is escaped, a form needs its session, a `GET` changes nothing.

use axum::body::Body;
use axum::http::Request;
use holdfast::domain::actor::{Role, Scope};
use holdfast::web::WebSettings;
use holdfast::web::pages::samples;

use super::support::Web;

#[test]
fn every_template_renders_and_escapes_its_samples() {
    for (name, pages) in samples() {
        assert!(!pages.is_empty(), "{name} has no sample");
        for page in pages {
            assert!(page.starts_with("<!doctype html>"), "{name}: {page}");
            assert!(page.contains("<h1>") && page.contains("id=\"main\""), "{name} has no heading or landmark");
            assert!(!page.contains("style=") && !page.contains("<script"), "{name}: the policy forbids inline code");
            for raw in ["<today>", "<approve>", "<jo@", "<12.50>", "<another>", "<ada>"] {
                assert!(!page.contains(raw), "{name} shows {raw} unescaped");
            }
            for control in ["<input", "<textarea"] {
                for tag in page.split(control).skip(1).map(|t| t.split('>').next().unwrap()) {
                    let labelled = tag.contains("type=\"hidden\"") || page.contains(&format!("for={}", id_of(tag)));
                    assert!(labelled, "{name}: a control without label: {tag}");
                }
            }
        }
    }
}

fn id_of(tag: &str) -> String {
    let rest = tag.split("id=\"").nth(1).unwrap_or_default();
    format!("\"{}\"", rest.split('"').next().unwrap())
}

#[tokio::test]
async fn pages_ask_for_a_sign_in_and_lead_back() {
    let web = Web::new().await;
    let away = web.send(Request::get("/audit?subject=case:1").body(Body::empty()).unwrap()).await;
    assert_eq!((away.status.as_u16(), away.header("location")), (303, "/login?next=/audit%3Fsubject%3Dcase%3A1"));
    let login = web.send(Request::get("/login?next=//evil.example").body(Body::empty()).unwrap()).await;
    assert!(login.text.contains("name=\"next\" value=\"/\""), "another site is no place to go on to");
    let form = |body: &str| {
        let request = Request::post("/login").header("content-type", "application/x-www-form-urlencoded");
        request.body(Body::from(body.to_owned())).unwrap()
    };
    let signed_in = web.send(form("persona=omar&next=/audit")).await;
    assert_eq!((signed_in.status.as_u16(), signed_in.header("location")), (303, "/audit"));
    let cookie = signed_in.header("set-cookie");
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax"), "{cookie}");
    assert_eq!(web.send(form("token=abc")).await.status, 401);
    let machine = web.service(&[Scope::Admin]);
    assert_eq!(web.send(form(&format!("token={machine}"))).await.status, 401, "pages are for persons");
    let strict = Web::with(WebSettings::default()).await;
    assert_eq!(strict.send(form("persona=omar")).await.status, 401, "personas only where the configuration says so");
}

#[tokio::test]
async fn the_worklist_and_a_case_show_what_the_store_has() {
    let web = Web::new().await;
    let planner = web.person("piotr", &[Role::SupplyPlanner]);
    let case = web.case(10231, 3.0).await;
    let list = web.page(&planner, "/?category=inventory_shortage").await;
    assert_eq!(list.status, 200, "{}", list.text);
    assert!(list.text.contains("SO-10231 / 2") && list.text.contains("40 %") && list.text.contains("in 7 h"));
    assert!(list.text.contains("lacks &#60;b&#62;40"), "details are text, never markup");
    assert!(list.header("content-security-policy").contains("default-src 'none'"));
    let page = web.page(&planner, &format!("/exceptions/{}", case.id)).await;
    assert_eq!(page.status, 200, "{}", page.text);
    for path in [
        "/approvals",
        "/messages",
        "/models",
        "/docs",
        "/assets/holdfast.css",
        "/assets/holdfast.svg",
        "/assets/docs.js",
    ] {
        assert_eq!(web.page(&planner, path).await.status, 200, "{path}");
    }
    assert_eq!(web.page(&planner, "/audit").await.status, 403, "a planner holds no audit scope");
    let auditor = web.person("ada", &[Role::Auditor]);
    assert!(web.page(&auditor, "/audit").await.text.contains("The chain is intact"));
}

#[tokio::test]
async fn a_form_acts_only_from_its_own_session() {
    let web = Web::new().await;
    let planner = web.person("piotr", &[Role::SupplyPlanner]);
    let case = web.case(1, 3.0).await;
    let path = format!("/exceptions/{}/assign", case.id);
    let seen = web.page(&planner, &path).await;
    assert_eq!(seen.status, 405, "a GET never acts");
    let other = web.person("noor", &[Role::CustomerService]);
    let stolen = web.state.auth.form_token(&other);
    let forged = Request::post(&path)
        .header("cookie", format!("holdfast_session={planner}"))
        .header("content-type", "application/x-www-form-urlencoded")
        .body(Body::from(format!("version=1&form_token={stolen}")))
        .unwrap();
    assert_eq!(web.send(forged).await.status, 403);
    let foreign = Request::post(&path)
        .header("cookie", format!("holdfast_session={planner}"))
        .header("sec-fetch-site", "cross-site")
        .header("content-type", "application/x-www-form-urlencoded")
        .body(Body::from(format!("version=1&form_token={}", web.state.auth.form_token(&planner))))
        .unwrap();
    assert_eq!(web.send(foreign).await.status, 403);
    let done = web.submit(&planner, &path, &[("version", "1")]).await;
    assert_eq!(done.status, 303, "{}", done.text);
    let stale = web.submit(&planner, &path, &[("version", "1")]).await;
    assert_eq!(stale.status, 412, "the page was older than the case");
    let stored = web.state.services.store.read().await.unwrap().case(case.id).await.unwrap().unwrap();
    assert_eq!(stored.assignee.as_deref(), Some("piotr"));
    let api = Request::post(format!("/v1/exceptions/{}/close", case.id))
        .header("cookie", format!("holdfast_session={planner}"))
        .header("if-match", "\"2\"")
        .header("content-type", "application/json")
        .body(Body::from("{\"reason\":\"x\"}"))
        .unwrap();
    assert_eq!(web.send(api).await.problem(401), "unauthenticated", "a cookie alone acts on no API");
}
