//! The modules that come with the program. A repository's own module of the same name takes the place of one.

static SHIPPED: [(&str, &str); 9] = [
    ("analysis", include_str!("../modules/analysis.yaml")),
    ("planning", include_str!("../modules/planning.yaml")),
    ("implementation", include_str!("../modules/implementation.yaml")),
    ("testing", include_str!("../modules/testing.yaml")),
    ("refactoring", include_str!("../modules/refactoring.yaml")),
    ("bugfixing", include_str!("../modules/bugfixing.yaml")),
    ("documentation", include_str!("../modules/documentation.yaml")),
    ("review", include_str!("../modules/review.yaml")),
    ("system", include_str!("../modules/system.yaml")),
];

/// The modules that come with the program, by name, with their texts.
pub fn shipped() -> &'static [(&'static str, &'static str)] {
    &SHIPPED
}
