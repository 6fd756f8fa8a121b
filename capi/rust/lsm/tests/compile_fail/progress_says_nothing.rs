//! error[E0308]: a progress closure that does not say whether to go on
fn main() -> lsm::Result<()> {
    lsm::Db::open("db")?.compact_range(.., |progress| println!("{progress:?}"))
}
