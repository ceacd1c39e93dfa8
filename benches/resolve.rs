//! Wall-clock time of every case: `cargo bench --bench resolve`.

#![expect(unreachable_pub, reason = "the harness generates public items")]

mod cases;

use criterion::{Criterion, criterion_group, criterion_main};

fn all(criterion: &mut Criterion) {
    for case in cases::CASES {
        let work = (case.prepare)();
        criterion.bench_function(case.name, |bencher| bencher.iter(&work));
    }
}

criterion_group!(benches, all);
criterion_main!(benches);
