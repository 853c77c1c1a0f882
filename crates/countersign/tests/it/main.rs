//! The real binary, from outside.

mod bin;
mod config;
mod crash;
mod doctor;
mod help;
mod live;
mod people;
mod registry;
mod secrets;
mod serve;
mod token;
