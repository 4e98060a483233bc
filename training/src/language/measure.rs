//! What a head's answers on held-out rows come to.

use super::heads::ClassReport;

/// Share of right answers.
pub(super) fn accuracy(answers: &[(usize, f32)], truth: &[usize]) -> f64 {
    let hits = answers.iter().zip(truth).filter(|((answer, _), label)| answer == *label).count();
    hits as f64 / truth.len().max(1) as f64
}

/// Whether each answer that reaches its class's threshold, on a text that is not strange, is right.
pub(super) fn covered(answers: &[(usize, f32)], truth: &[usize], thresholds: &[f32], strange: &[bool]) -> Vec<bool> {
    let known = answers.iter().zip(truth).zip(strange).filter(|(_, strange)| !**strange).map(|(row, _)| row);
    let sure = known.filter(|((answer, confidence), _)| *confidence >= thresholds[*answer]);
    sure.map(|((answer, _), label)| answer == label).collect()
}

/// One report a class, in class order.
pub(super) fn classes(
    names: &[String],
    answers: &[(usize, f32)],
    truth: &[usize],
    thresholds: &[f32],
) -> Vec<ClassReport> {
    let one = |((index, name), &threshold): ((usize, &String), &f32)| {
        let support = truth.iter().filter(|label| **label == index).count();
        let named = answers.iter().filter(|(answer, _)| *answer == index).count();
        let hits =
            answers.iter().zip(truth).filter(|((answer, _), label)| *answer == index && **label == index).count();
        let share = |of: usize| hits as f64 / of.max(1) as f64;
        ClassReport {
            class: name.clone(),
            precision: share(named),
            recall: share(support),
            f1: 2.0 * hits as f64 / (named + support).max(1) as f64,
            support,
            threshold,
        }
    };
    names.iter().enumerate().zip(thresholds).map(one).collect()
}

/// Mean F1 over the classes that occur or are answered.
pub(super) fn macro_f1(classes: &[ClassReport], answers: &[(usize, f32)]) -> f64 {
    let named = |index: usize| answers.iter().any(|(answer, _)| *answer == index);
    let occurs = |(index, class): &(usize, &ClassReport)| class.support > 0 || named(*index);
    let occurring: Vec<f64> = classes.iter().enumerate().filter(occurs).map(|(_, class)| class.f1).collect();
    occurring.iter().sum::<f64>() / occurring.len().max(1) as f64
}
