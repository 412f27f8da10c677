//! Every stage of the core against a slow, obvious twin in `f64`, at every length from 0 to 67 and some around a block
//! and a tile, for every form of target, mask, weights and layout.

mod activation;
mod case;
mod check;
mod extremes;
mod faults;
mod naive;
mod ordered;
mod pixel;
mod region;
mod run;
mod tile;
