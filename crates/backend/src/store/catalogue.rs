//! The catalogue of clubs. All of them are invented.

use super::{Store, StoreError};

/// Name, country, competition, and its short form.
const CATALOGUE: &[(&str, &str, &str, &str)] = &[
    ("Harbour City FC", "England", "Northern Premier Division", "NPD"),
    ("Ashcombe Rovers", "England", "Northern Premier Division", "NPD"),
    (
        "Kestrel Park Athletic",
        "England",
        "Northern Premier Division",
        "NPD",
    ),
    ("Wexbridge Town", "England", "Northern Premier Division", "NPD"),
    ("Real Almadena", "Spain", "Liga del Sol", "LDS"),
    ("Atlético Miravalle", "Spain", "Liga del Sol", "LDS"),
    ("Unión Puertoclaro", "Spain", "Liga del Sol", "LDS"),
    ("SV Lindenfeld 09", "Germany", "Rheinische Oberliga", "ROL"),
    ("FC Sturmhafen", "Germany", "Rheinische Oberliga", "ROL"),
    ("Eintracht Brückenau", "Germany", "Rheinische Oberliga", "ROL"),
    ("AS Valdoro", "Italy", "Serie Adriatica", "SAD"),
    ("US Montelupo", "Italy", "Serie Adriatica", "SAD"),
    ("Torrefina Calcio", "Italy", "Serie Adriatica", "SAD"),
    ("Olympique Saint-Aurel", "France", "Ligue des Plaines", "LDP"),
    ("Stade Corvanais", "France", "Ligue des Plaines", "LDP"),
    ("FC Pont-Rivière", "France", "Ligue des Plaines", "LDP"),
    ("Sporting Vila Nova do Cabo", "Portugal", "Liga Atlântica", "LAT"),
    ("Académica Serramar", "Portugal", "Liga Atlântica", "LAT"),
    ("HC Zuiderdam", "Netherlands", "Polderdivisie", "POL"),
    ("SC Molenwijk", "Netherlands", "Polderdivisie", "POL"),
    ("Glenmarrow Thistle", "Scotland", "Highland Championship", "HCH"),
    ("Inverdoran United", "Scotland", "Highland Championship", "HCH"),
    ("IF Björkholmen", "Sweden", "Norra Serien", "NSE"),
    ("BK Fjällvik", "Sweden", "Norra Serien", "NSE"),
];

impl Store {
    /// How many clubs there are to sell.
    pub(crate) const CLUBS: usize = CATALOGUE.len();

    /// The id of a club of the catalogue, counted from 1.
    pub(crate) fn club_id(number: usize) -> String {
        format!("club-{number:02}")
    }

    /// Fills in the clubs that are missing.
    pub(super) async fn plant_catalogue(&self) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        for (number, (name, country, competition, short)) in (1..).zip(CATALOGUE) {
            sqlx::query(
                "INSERT INTO clubs (id, name, country, competition, competition_short) VALUES ($1, $2, $3, $4, $5)
                 ON CONFLICT (id) DO NOTHING",
            )
            .bind(Self::club_id(number))
            .bind(name)
            .bind(country)
            .bind(competition)
            .bind(short)
            .execute(&mut *tx)
            .await?;
        }
        tx.commit().await?;
        Ok(())
    }
}
