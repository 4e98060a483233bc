//! New text, quotations and signatures of real kinds of mail.

use holdfast::flow::assess::parts::{Kind, own, parts};

use super::corpus::corpus;

fn split(body: &str) -> Vec<(Kind, &str)> {
    parts(body).into_iter().map(|part| (part.kind, body[part.range].trim())).collect()
}

#[test]
fn quotations_and_signatures_are_told_from_new_text_in_five_languages() {
    use Kind::{New, Quoted, Signature};
    let cases: [(&str, &[(Kind, &str)]); 9] = [
        (
            "Cancel it.\n\nRegards,\nAnn\n\nOn Mon, Jul 13, Paulo Reis wrote:\n> Ship it.",
            &[
                (New, "Cancel it."),
                (Signature, "Regards,\nAnn"),
                (Quoted, "On Mon, Jul 13, Paulo Reis wrote:\n> Ship it."),
            ],
        ),
        (
            "geht klar\nMit freundlichen Grüßen\nSvenja\n\nVon: A\nGesendet: Montag\nBetreff: x\n\nwir bestellen",
            &[
                (New, "geht klar"),
                (Signature, "Mit freundlichen Grüßen\nSvenja"),
                (Quoted, "Von: A\nGesendet: Montag\nBetreff: x\n\nwir bestellen"),
            ],
        ),
        (
            "Vale.\nEl 10/09/2026 Claire Besson escribió:\n> ¿seguro?\nSí, seguro.",
            &[(New, "Vale."), (Quoted, "El 10/09/2026 Claire Besson escribió:\n> ¿seguro?"), (New, "Sí, seguro.")],
        ),
        (
            "Voir dessous\n---- Message transféré ----\nDe : Damien Quénot\nles 200 sont parties",
            &[(New, "Voir dessous"), (Quoted, "---- Message transféré ----\nDe : Damien Quénot\nles 200 sont parties")],
        ),
        (
            "ok zo\n--\nLien\nOp 3 mei 2026 om 10:00\nschreef Jan Smit:\n> dozen?",
            &[(New, "ok zo"), (Signature, "--\nLien"), (Quoted, "Op 3 mei 2026 om 10:00\nschreef Jan Smit:\n> dozen?")],
        ),
        ("Thanks for the quick reply, 40 is right.", &[(New, "Thanks for the quick reply, 40 is right.")]),
        ("13s: got 44 of ur 60, thats all she wrote", &[(New, "13s: got 44 of ur 60, thats all she wrote")]),
        ("> only\n> quoted", &[(Quoted, "> only\n> quoted")]),
        ("", &[]),
    ];
    for (body, expected) in cases {
        assert_eq!(split(body), expected, "{body}");
    }
}

#[test]
fn a_quotation_names_its_author() {
    let authors = [
        ("x\n---- forwarded ----\nFrom: Otis Greer\nhello", "Otis Greer"),
        ("x\n> On Thu, Jul 9, Luis Delgado wrote:\n> y", "Luis Delgado"),
        ("x\n> Am 08.05.2026 schrieb Anke Dreyer:\n> y", "Anke Dreyer"),
    ];
    for (body, expected) in authors {
        let author = parts(body).into_iter().find_map(|part| part.author);
        assert_eq!(author.as_deref(), Some(expected), "{body}");
    }
    assert_eq!(own("---- forwarded ----\nFrom: Otis Greer\nhello"), "---- forwarded ----\nFrom: Otis Greer\nhello");
    assert_eq!(own("new\n> old"), "new");
}

#[test]
fn the_parts_of_every_authored_body_cover_it_in_order() {
    for message in corpus().messages {
        let parts = parts(&message.body);
        let mut end = 0;
        for part in &parts {
            assert_eq!(part.range.start, end, "{}", message.id);
            end = part.range.end;
        }
        assert_eq!(end, message.body.len(), "{}", message.id);
        assert!(!own(&message.body).trim().is_empty(), "{}", message.id);
    }
}
