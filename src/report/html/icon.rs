//! A shape for each grade, so that colour is never all that tells them apart. Drawn here, since no font has them all.

use crate::report::model::Grade;

const ALL: [(Grade, &str); 7] = [
    (Grade::Passed, "<circle cx=\"8\" cy=\"8\" r=\"7.5\"/><path class=\"in\" d=\"M4.5 8.3l2.4 2.4 4.6-5\"/>"),
    (Grade::Noted, "<path d=\"M8 .3L15.7 8 8 15.7.3 8z\"/><path class=\"in\" d=\"M8 4.4v4.4M8 11v.4\"/>"),
    (Grade::Degraded, "<path d=\"M8 .8L15.7 14.8H.3z\"/><path class=\"in\" d=\"M8 5.6v4.2M8 12.1v.4\"/>"),
    (
        Grade::Failed,
        "<path d=\"M4.9.5h6.2l4.4 4.4v6.2l-4.4 4.4H4.9L.5 11.1V4.9z\"/><path class=\"in\" d=\"M5.2 5.2l5.6 5.6M10.8 5.2l-5.6 5.6\"/>",
    ),
    (
        Grade::Unfinished,
        "<circle class=\"ring\" cx=\"8\" cy=\"8\" r=\"6.7\" stroke-dasharray=\"2.6 2.1\"/><path class=\"line\" d=\"M8 4.4V8l2.4 1.6\"/>",
    ),
    (Grade::Skipped, "<circle class=\"ring\" cx=\"8\" cy=\"8\" r=\"6.7\"/><path class=\"line\" d=\"M5 8h6\"/>"),
    (
        Grade::Undelivered,
        "<rect x=\".8\" y=\".8\" width=\"14.4\" height=\"14.4\" rx=\"3\"/><path class=\"in\" d=\"M8 12V4.5M4.8 7.6L8 4.4l3.2 3.2\"/>",
    ),
];

/// The shapes, once a page.
pub(super) fn symbols() -> String {
    let shapes =
        ALL.map(|(grade, shape)| format!("<symbol id=\"i-{}\" viewBox=\"0 0 16 16\">{shape}</symbol>", grade.word()));
    format!("<svg width=\"0\" height=\"0\" class=\"symbols\" aria-hidden=\"true\">{}</svg>\n", shapes.concat())
}

/// The shape of a grade. The word stands beside it.
pub(super) fn icon(grade: Grade) -> String {
    format!("<svg class=\"icon\" viewBox=\"0 0 16 16\" aria-hidden=\"true\"><use href=\"#i-{}\"/></svg>", grade.word())
}
