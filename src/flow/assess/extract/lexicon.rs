//! Word lists in English, German, Spanish, French and Dutch: what stands beside numbers, dates and identifiers.
//!
//! Each list is one text of words in lower case; [`has`] asks whether a word is in it.

/// Whether `word` (lower case) is in `list`.
pub(super) fn has(list: &str, word: &str) -> bool {
    list.split_ascii_whitespace().any(|entry| entry == word)
}

/// Signs that stand before or behind an amount.
pub(super) const CURRENCY_SIGNS: &str = "$ € £ ¥";

/// Words and codes that make a number an amount.
pub(super) const CURRENCY: &str =
    "$ € £ ¥ usd eur gbp chf cad aud mxn sek nok dkk pln inr jpy cny zar dollars dollar dólares
    euro euros pounds francs pesos kronor bucks";

/// Words after which a number is an amount.
pub(super) const PRICE_BEFORE: &str =
    "price cost paid charged charge amount amt total limit preis betrag precio importe prix
    montant prijs bedrag disc net value";

/// Words behind a number that leave an amount possible.
pub(super) const AFTER_AMOUNT: &str = "and or to for per from is was in at und y et en o ou of a the";

/// Words after which a number is a count.
pub(super) const COUNT_BEFORE: &str =
    "qty quantity menge anzahl cantidad cant quantité quantite qté aantal hoeveelheid ord ordered
    avail available received allocated backordered b/o conf short balance shipped becomes remaining bestellt requested";

/// Words behind a count. A noun behind a number also makes it one; these do so in any company.
pub(super) const UNITS: &str = "pcs pc pce pieces piece ea each units unit boxes box bx cases case cs cartons carton ctn ctns pallets
    pallet plt skids skid drums drum bags bag rolls roll reels reel spools coils bottles cans pails totes ibcs ibc packs pack pk
    sets set pairs pair pr dozen dz trays bundles sheets lengths crates parcels packages pkgs kg kilos kilo lbs lb tonnes tons
    litres liters ltr gal gallons ft feet metres meters m yards nos doses
    stück stueck stk st kartons paletten rollen kisten fässer meter metern gebinde
    piezas pzas cajas tarimas metros bolsas unidades rollos sacos tambores
    pièces boîtes palettes rouleaux unités mètres sacs fûts
    stuks dozen vaten haspels zakken";

/// Words behind a number that does not count goods: times, sizes, the grammar of other sentences.
pub(super) const NOT_COUNTED: &str = "day days week weeks month months year years hour hours hrs hr min mins minutes am pm uhr tag tage
    tagen woche wochen stunden minuten monate jahre día días dias semanas horas meses años jour jours semaines heures mois ans dagen
    weken uur maanden jaar percent prozent inch inches mm cm km volt volts v amp amps w hp kw psi bar micron street ave road rd
    floor dock % ° business working calendar times th nd rd is was the a in at for y et en o ou from with by per so but please
    thanks if when we you it he she they will can i our your this that until bis por para pour voor as re and or und to on per euro
    eur usd";

/// Words before a number that names something: lines, doors, versions.
pub(super) const NAMED_BEFORE: &str = "line ln lines pos position item zeile línea ligne regel page room dock door gate bay suite unit
    step phase version class net error code tor no nr number attempt grade type release route store job since sec ext rd weg
    rue calle straße street box kw week wk rig section field terminal check cheque ticket day";

/// Words that ask for an order number of ours.
pub(super) const ORDER: &str = "order orders so s/o ord auftrag auftrags auftragsnummer auftragsnr auftrags-nr aufträge pedido pedidos
    commande commandes cde bestelling bestellingen ordernummer ordernr ordre opdracht ack acknowledgment confirmation orden bestellung";

/// Words that ask for a purchase order number.
pub(super) const PURCHASE: &str =
    "po pos p.o p.o.s po# po-nr purchase bestellung bestellungen bestellnummer bestell-nr bestellnr oc orden
    órden ordenes bon inkooporder inkoopordernummer inkoopnummer reqs req requisition";

/// Words before one that say whose order it is: the sender's own.
pub(super) const OURS: &str =
    "our my their unsere unserer unseren mein meine nuestro nuestra mi notre nos ma onze mijn ons cust customer
    customer's his her";

/// Words that ask for a tracking number.
pub(super) const TRACKING: &str = "tracking track pro awb waybill hawb mawb sendung sendungsnummer sendungs-nr envío envio guía guia
    embarque expedición expédition envoi zending suivi shipment consignment parcel colis booking docket load récépissé vrachtbrief
    frachtbrief cmr paket bol lading pickup delivery job freight label labels trackingnummer";

/// Words that ask for an invoice number.
pub(super) const INVOICE: &str =
    "invoice invoices inv rechnung rechnungen rechnungsnummer rechnungs-nr factura facturas facture factures
    factuur facturen factuurnummer bill billed proforma doc document statement iv";

/// Words that ask for an item number.
pub(super) const ITEM: &str =
    "sku item items part parts artikel artikelnummer artikel-nr art art-nr artículo articulo article référence réf
    ref-nr upc product code material clave p/n pn ean vp model typ modell modelo";

/// Words that may stand between such a word and the number.
pub(super) const BETWEEN: &str =
    "no nr number nummer num número numero numéro n° nº # is ref reference our your ihre ihrer de of the id is
    line : under with from";

/// Words before an identifier that stands for a whole document.
pub(super) const ABOUT: &str =
    "on for under against about from re per release cancel off with auf zu für zur aus sur pour de del en para
    voor van op over under within kill";
