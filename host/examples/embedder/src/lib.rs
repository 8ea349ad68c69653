//! A host for elks-sms. The component can reach only what is linked here. Tools and rules are in the component.

use wasmtime::component::{Component, Linker, ResourceTable};
use wasmtime::{Engine, Result, Store};
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView, default_hooks};
use wasmtime_wasi_io::IoView;

wasmtime::component::bindgen!({ path: "../../../wit", world: "tools", exports: { default: async } });

/// The state of one instance: its resources and its HTTP context.
#[derive(Default)]
pub struct State(ResourceTable, WasiHttpCtx);

impl IoView for State {
    fn table(&mut self) -> &mut ResourceTable {
        &mut self.0
    }
}

impl WasiHttpView for State {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        // A host that checks each request puts its own hooks here.
        WasiHttpCtxView { ctx: &mut self.1, table: &mut self.0, hooks: default_hooks() }
    }
}

/// Creates a fresh instance of the component in a file.
///
/// # Errors
/// The file is not a component, or the component imports something that is not linked here.
pub async fn open(file: &str) -> Result<(Tools, Store<State>)> {
    let engine = Engine::default();
    let component = Component::from_file(&engine, file)?;
    let mut linker = Linker::new(&engine);
    wasmtime_wasi_io::add_to_linker_async(&mut linker)?;
    wasmtime_wasi_http::p2::add_only_http_to_linker_async(&mut linker)?;
    let mut store = Store::new(&engine, State::default());
    let tools = Tools::instantiate_async(&mut store, &component, &linker).await?;
    Ok((tools, store))
}
