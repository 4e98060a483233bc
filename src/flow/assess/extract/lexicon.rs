//! Words in English, German, Spanish, French and Dutch that stand beside numbers, dates and identifiers.
//!
//! They decide nothing: each list is a class that the weights of [`super::weigh`] know, so that what was learned of one
//! language's word holds for the others'.

use std::collections::HashMap;
use std::sync::LazyLock;

/// Whether `word` (lower case) is in `list`.
pub(super) fn has(list: &str, word: &str) -> bool {
    list.split_ascii_whitespace().any(|entry| entry == word)
}

/// Signs and names of money.
pub(super) const CURRENCY: &str =
    "$ € £ ¥ us$ usd eur gbp chf cad aud nzd sgd hkd fjd mxn sek nok dkk pln inr jpy cny zar dollars dollar dólares euro euros pounds quid francs
    pesos kronor bucks grand";

/// Classes of words: name, and the words.
pub(super) const CLASSES: [(&str, &str); 17] = [
    ("order", "order orders so s/o ord auftrag auftrags auftragsnummer auftragsnr auftrags-nr aufträge pedido pedidos commande commandes cde
        bestelling bestellingen ordernummer ordernr ordre opdracht ack confirmation orden bestellung best bestell-nr"),
    ("purchase", "po pos p.o p.o.s po# po-nr purchase bestellnummer bestellnr oc órden órdenes ordenes bon inkooporder inkoopordernummer
        inkoopnummer reqs req requisition pr"),
    ("ours", "our my their unsere unserer unseren mein meine nuestro nuestra mi notre nos ma onze ons mijn cust customer customer's his her"),
    ("yours", "your ihre ihrer ihren euer eure su sus vuestra vuestro votre vos uw jullie je ur"),
    ("tracking", "tracking track pro awb waybill hawb mawb sendung sendungsnummer sendungs-nr envío envio guía guia embarque expedición expédition
        envoi zending suivi shipment consignment con con-note parcel colis booking docket load récépissé vrachtbrief frachtbrief cmr paket bol
        lading pickup delivery job freight label labels trackingnummer pod container"),
    ("invoice", "invoice invoices inv rechnung rechnungen rechnungsnummer rechnungs-nr factura facturas facture factures factuur facturen
        factuurnummer bill billed proforma statement remittance overdue"),
    ("document", "doc document ref reference referenz referentie réf référence referencia ticket case claim quote offer"),
    ("item", "sku item items part parts artikel artikelnummer artikel-nr art art-nr artículo articulo article ref-nr upc product code
        material clave p/n pn ean vp bp model typ modell modelo"),
    ("unit", "pcs pc pce pieces piece ea each units unit boxes box bx cases case cs cartons carton ctn ctns pallets pallet plt skids skid drums
        drum bags bag rolls roll reels reel spools coils coil bottles cans pails totes tote ibcs ibc packs pack pk sets set pairs pair pr dozen
        dz trays bundles sheets lengths crates crate parcels packages pkgs kg kilos kilo lbs lb tonnes tons litres liters ltr gal gallons ft feet
        metres meters m yards nos doses jugs buckets stück stueck stk st kartons karton paletten palette rollen rolle kisten fässer meter metern
        gebinde eimer sack säcke flaschen piezas pieza pzas cajas caja tarimas metros bolsas unidades rollos sacos tambores cubetas pièces pièce boîtes
        palettes rouleaux unités mètres sacs fûts cartons flacons bidons caisses paquets stuks dozen doos vaten haspels zakken emmers pallets flessen"),
    ("count", "qty quantity menge anzahl cantidad cant quantité quantite qté aantal hoeveelheid ord ordered avail available received allocated
        backordered b/o conf short balance shipped becomes remaining bestellt requested count of only just another other remaining rest"),
    ("time", "day days week weeks month months year years hour hours hrs hr min mins minutes am pm uhr tag tage tagen woche wochen stunden
        minuten monate jahre día días dias semanas horas meses años jour jours semaines heures mois ans dagen weken uur maanden jaar times h"),
    ("measure", "mm cm km inch inches volt volts v amp amps w hp kw psi bar micron ml l ltr percent prozent % ° degrees"),
    ("place", "street ave avenue road rd floor dock door gate bay suite room page hwy highway unit building bldg rue calle straße strasse weg
        platz laan straat kerkstraat box p.o.box exit rig zone halle planta nave tor porte puerta poort"),
    ("named", "line ln lines pos position zeile línea ligne regel step phase version class error code tor type release store job sec ext net
        attempt grade aisle batch lot chapter point option team shift"),
    ("due", "by on until till before after from since due eta etd am bis vom zum ab vor nach le el al del du avant jusqu'au après para antes hasta
        desde op tot voor vanaf na at for"),
    ("past", "was were came arrived delivered received shipped left sent called told paid had did said promised hat hatte war wurde kam geliefert
        bezahlt überwiesen llegó salió pagué pagado fue llegaron recibimos arrivé livré reçu parti payé été was waren kwam geleverd betaald
        gestuurd since seit depuis desde sinds"),
    ("future", "will can could should need want must please would going expect ship arrive deliver send wird werden kann bitte brauchen soll
        liefern kommt será puede llega enviar necesito por favor sera peut livrer arrive besoin prévu zal kan graag moet komt leveren"),
];

/// The commonest words of each language: what a text is written in.
pub(super) const FUNCTION_WORDS: [(&str, &str); 5] = [
    ("en", "the and is to of for you we it on are this that please be not have"),
    ("de", "der die das und ist nicht wir sie ich auf mit für bitte ein eine den zu haben"),
    ("es", "el los las y es que de en no por para con una se del favor nos"),
    ("fr", "le les et est que nous vous pas pour des une dans sur au du je"),
    ("nl", "het een en is niet wij van we voor met op de dat zijn graag ik"),
];

/// Every word of [`CLASSES`] with its classes, in their order.
static BY_WORD: LazyLock<HashMap<&'static str, Vec<&'static str>>> = LazyLock::new(|| {
    let mut by_word: HashMap<_, Vec<&'static str>> = HashMap::new();
    for (name, words) in CLASSES {
        for word in words.split_ascii_whitespace() {
            let classes = by_word.entry(word).or_default();
            // Some lists say a word twice.
            if classes.last() != Some(&name) {
                classes.push(name);
            }
        }
    }
    by_word
});

/// Classes of a word.
pub(super) fn classes(word: &str) -> impl Iterator<Item = &'static str> {
    BY_WORD.get(word).into_iter().flatten().copied()
}

/// Whether a word says which identifier follows.
pub(super) fn names_a_type(word: &str) -> bool {
    classes(word).any(|class| has("order purchase tracking invoice document item named", class))
}
