//! Repeats one case, for `counts.sh` to count its instructions.
//!
//! `counts CASE TIMES` does the work that often; `counts` alone lists the cases.

#![expect(clippy::print_stdout, unreachable_pub, reason = "a bench")]

mod cases;

fn main() {
    let arguments: Vec<String> = std::env::args()
        .filter(|a| a != "--bench")
        .skip(1)
        .collect();
    let [name, times] = arguments.as_slice() else {
        cases::CASES
            .iter()
            .for_each(|case| println!("{}", case.name));
        return;
    };
    let case = cases::CASES.iter().find(|case| case.name == name);
    let work = (case.expect("a case of the list").prepare)();
    for _ in 0..times.parse().expect("a number") {
        work();
    }
}
