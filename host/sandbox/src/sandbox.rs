//! The sandbox: a fresh instance of the component for each call, with bounds on memory, time and bytes, and with
//! nothing to reach but the egress. Nothing survives a call, so there is no state to attack.

use crate::egress::Egress;
use crate::engine::{self, MAX_MEMORY_BYTES};
use crate::permit::Rule;
use sms_rules::limits::API_HOST;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::time::Instant;
use wasmtime::component::{
    Component, ComponentExportIndex, ComponentNamedList, ComponentType, InstancePre, Lift, Linker, Lower,
    ResourceTable, types::ComponentItem,
};
use wasmtime::{
    Enabled, Engine, InstanceAllocationStrategy, PoolingAllocationConfig, ResourceLimiter, Store, StoreContextMut,
    Trap, UpdateDeadline,
};
use wasmtime_wasi_http::p2::bindings::http::types::{Method, OutgoingRequest, Scheme};
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView};
use wasmtime_wasi_io::IoView;

/// How many calls run at a time. A further call waits; it does not fail.
pub const MAX_CONCURRENT_CALLS: u32 = 16;

/// How much of a call's memory the process keeps for the next call, in bytes (320 KiB): what a usual call uses. It is
/// overwritten in between.
const KEPT_MEMORY_BYTES: usize = 320 << 10;

/// Most elements of a table. The component's own tables hold a few hundred functions.
pub const MAX_TABLE_ELEMENTS: usize = 4096;

/// Most handles that a call may hold at a time. A request and its response need five.
///
/// With the limits below, this bounds what the host keeps for a component. A request with its texts and headers takes
/// less than 4 KiB, and a body that nobody reads holds two writes of 4 KiB: 20 handles keep less than 256 KiB.
pub const MAX_HANDLES: usize = 20;

/// Most bytes that the component may pass to the host at a time, in a host call or as its result (2 MiB). The largest
/// result has 1 MiB as JSON, and may be larger as records.
pub const MAX_HOSTCALL_BYTES: usize = 2 << 20;

/// Most bytes of a request's headers, as they lie in memory. A valid request has three, of 302 bytes.
pub const MAX_HEADER_BYTES: usize = 512;

/// Longest authority of a request, in bytes. The only valid one is that of 46elks.
pub const MAX_AUTHORITY_BYTES: usize = API_HOST.len();

/// Longest path and query of a request, in bytes. The longest valid one asks for a page of the history.
pub const MAX_PATH_BYTES: usize = 128;

/// How long a call may take in all, waiting for the upstream included.
pub const CALL_TIMEOUT: Duration = Duration::from_secs(30);

/// How often the epoch advances, and so how often a computing component is interrupted.
const TICK: Duration = Duration::from_millis(10);

/// How many ticks a call may compute: 100 ticks are one second. Waiting does not count. A usual call computes for a few
/// milliseconds.
pub const MAX_COMPUTE_TICKS: u32 = 100;

/// Why a call was stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Stopped {
    /// It computed or waited for too long.
    #[error("the call took too long and was stopped")]
    OutOfTime,
    /// It wanted more memory or larger tables than it may have.
    #[error("the call wanted too much memory and was stopped")]
    OutOfMemory,
    /// It trapped, or its function does not exist or has another type.
    #[error("the component failed and was stopped")]
    Trapped,
}

/// Why a component cannot be loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// It imports something that is not on the list.
    #[error("the component imports {0}, which is not on the list of imports")]
    ForbiddenImport(String),
    /// The image was not compiled with the settings, the version or the target of this program.
    #[error("the component was not compiled for this program")]
    Incompatible(#[source] wasmtime::Error),
    /// It imports a listed function with another type.
    #[error("the component does not fit the interfaces that the host links")]
    Link(#[source] wasmtime::Error),
    /// The engine cannot be made on this machine.
    #[error("the engine cannot be set up")]
    Engine(#[source] wasmtime::Error),
}

/// A function of the component.
#[derive(Debug, Clone, Copy)]
pub struct Function<'a> {
    /// The exported interface, such as `elks:sms/sending@0.3.0`. Absent for a function of the world itself.
    pub interface: Option<&'a str>,
    /// The function's name in WIT, such as `send-sms`.
    pub name: &'a str,
}

/// A loaded component, ready to be instantiated.
pub struct Sandbox {
    engine: Engine,
    component: Component,
    pre: InstancePre<State>,
    slots: Semaphore,
}

/// What one call owns.
struct State {
    egress: Egress,
    table: ResourceTable,
    http: WasiHttpCtx,
    limiter: Limiter,
}

impl IoView for State {
    fn table(&mut self) -> &mut ResourceTable {
        &mut self.table
    }
}

impl WasiHttpView for State {
    /// The component calls a function of wasi:http. Before that runs, a text over its limit that an earlier call left
    /// is removed, so the host keeps no more than one, and only until the next call.
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        let requests = self.table.iter_mut().filter_map(|resource| resource.downcast_mut());
        requests.filter_map(trim).for_each(|rule| self.egress.deny(rule));
        WasiHttpCtxView { ctx: &mut self.http, table: &mut self.table, hooks: &mut self.egress }
    }
}

/// Empties a request that keeps a text over its limit, and returns the rule that it breaks.
fn trim(request: &mut OutgoingRequest) -> Option<Rule> {
    let over = |text: &Option<String>, max| text.as_ref().is_some_and(|text| text.len() > max);
    let rule = match request {
        // Each valid method and scheme has a case of its own, which keeps no text.
        OutgoingRequest { method: Method::Other(_), .. } => Rule::Method,
        OutgoingRequest { scheme: Some(Scheme::Other(_)), .. } => Rule::Scheme,
        OutgoingRequest { authority, .. } if over(authority, MAX_AUTHORITY_BYTES) => Rule::Authority,
        OutgoingRequest { path_with_query, .. } if over(path_with_query, MAX_PATH_BYTES) => Rule::Path,
        _ => return None,
    };
    (request.method, request.scheme, request.authority, request.path_with_query) = (Method::Get, None, None, None);
    Some(rule)
}

/// Limits memory and tables, and remembers whether the call wanted more.
#[derive(Default)]
struct Limiter {
    exceeded: bool,
}

impl Limiter {
    fn allow(&mut self, wanted: usize, max: usize) -> bool {
        self.exceeded |= wanted > max;
        wanted <= max
    }
}

impl ResourceLimiter for Limiter {
    fn memory_growing(&mut self, _: usize, wanted: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        Ok(self.allow(wanted, MAX_MEMORY_BYTES))
    }

    fn table_growing(&mut self, _: usize, wanted: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        Ok(self.allow(wanted, MAX_TABLE_ELEMENTS))
    }
}

impl Sandbox {
    /// Loads a component that was compiled ahead of time with [`engine::config`]. The component need not be trusted;
    /// its compiler must be. `imports` lists the functions that the component may import, as `interface function`, one
    /// a line.
    ///
    /// # Errors
    /// The image does not fit this program or machine, or the component imports a function that is not on the list; the
    /// error names it.
    ///
    /// # Safety
    /// The image must be the unchanged output of wasmtime's compiler: it is machine code.
    #[expect(unsafe_code, reason = "an image compiled ahead of time is machine code")]
    pub unsafe fn from_image(image: &[u8], imports: &str) -> Result<Self, LoadError> {
        let engine = engine().map_err(LoadError::Engine)?;
        // SAFETY: the caller vouches for the image. wasmtime refuses one of another version or with other settings.
        let component = unsafe { Component::deserialize(&engine, image) }.map_err(LoadError::Incompatible)?;
        check_imports(&engine, &component, imports)?;
        let pre = link(&engine, &component).map_err(LoadError::Link)?;
        start_ticker(&engine);
        Ok(Self { engine, component, pre, slots: Semaphore::new(MAX_CONCURRENT_CALLS as usize) })
    }

    /// Calls a function in a fresh instance, whose only way out is `egress`.
    ///
    /// # Errors
    /// Why the call was stopped.
    pub async fn call<Params, Answer>(
        &self,
        function: Function<'_>,
        params: Params,
        egress: &Egress,
        deadline: Instant,
    ) -> Result<Answer, Stopped>
    where
        Params: ComponentNamedList + Lower + Send + Sync,
        Answer: ComponentType + Lift + Send + Sync + 'static,
    {
        // The slot outlives the store: an instance leaves the pool before the next call enters.
        let Ok(Ok(_slot)) = tokio::time::timeout_at(deadline, self.slots.acquire()).await else {
            return Err(Stopped::OutOfTime);
        };
        let mut store = self.store(egress.clone());
        let run = async {
            let index = self.export(function).ok_or_else(|| wasmtime::Error::msg("no such function"))?;
            let instance = self.pre.instantiate_async(&mut store).await?;
            let function = instance.get_typed_func::<Params, (Answer,)>(&mut store, &index)?;
            let (answer,) = function.call_async(&mut store, params).await?;
            Ok::<Answer, wasmtime::Error>(answer)
        };
        match tokio::time::timeout_at(deadline, run).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(_)) if store.data().limiter.exceeded => Err(Stopped::OutOfMemory),
            Ok(Err(error)) if error.downcast_ref::<Trap>() == Some(&Trap::Interrupt) => Err(Stopped::OutOfTime),
            Ok(Err(_)) => Err(Stopped::Trapped),
            Err(_) => Err(Stopped::OutOfTime),
        }
    }

    /// A store with all bounds set.
    fn store(&self, egress: Egress) -> Store<State> {
        let mut table = ResourceTable::new();
        table.set_max_capacity(MAX_HANDLES);
        let mut http = WasiHttpCtx::new();
        http.set_field_size_limit(MAX_HEADER_BYTES);
        let mut store = Store::new(&self.engine, State { egress, table, http, limiter: Limiter::default() });
        store.limiter(|state| &mut state.limiter);
        store.set_hostcall_fuel(MAX_HOSTCALL_BYTES);
        // The table above holds the host's resources. This counts the component's own, too.
        store.set_max_component_handles(MAX_HANDLES);
        store.set_epoch_deadline(1);
        let computed = Arc::new(AtomicU32::new(0));
        // wasmtime calls this when the component computes while the epoch advances. Ticks that pass while the component
        // waits do not count.
        store.epoch_deadline_callback(move |_: StoreContextMut<'_, State>| {
            let ticks = computed.fetch_add(1, Ordering::Relaxed);
            if ticks < MAX_COMPUTE_TICKS { Ok(UpdateDeadline::Yield(1)) } else { Err(Trap::Interrupt.into()) }
        });
        store
    }

    /// The index of an exported function.
    fn export(&self, function: Function<'_>) -> Option<ComponentExportIndex> {
        let interface = match function.interface {
            Some(name) => Some(self.component.get_export_index(None, name)?),
            None => None,
        };
        self.component.get_export_index(interface.as_ref(), function.name)
    }
}

/// Refuses a component that imports a function which is not on the list. The linker alone would allow too much: the
/// standard's interfaces have many functions, and linking an interface links all of them.
fn check_imports(engine: &Engine, component: &Component, imports: &str) -> Result<(), LoadError> {
    for (interface, import) in component.component_type().imports(engine) {
        let ComponentItem::ComponentInstance(instance) = import.ty else {
            return Err(LoadError::ForbiddenImport(interface.into()));
        };
        for (name, export) in instance.exports(engine) {
            let is_function = matches!(export.ty, ComponentItem::ComponentFunc(_));
            if is_function && !imports.lines().any(|line| line.split_once(' ') == Some((interface, name))) {
                return Err(LoadError::ForbiddenImport(format!("{name} of {interface}")));
            }
        }
    }
    Ok(())
}

/// Links wasi:io and wasi:http, and nothing else. A component that imports another interface does not instantiate.
fn link(engine: &Engine, component: &Component) -> wasmtime::Result<InstancePre<State>> {
    let mut linker = Linker::<State>::new(engine);
    wasmtime_wasi_io::add_to_linker_async(&mut linker)?;
    wasmtime_wasi_http::p2::add_only_http_to_linker_async(&mut linker)?;
    linker.instantiate_pre(component)
}

/// An engine whose instances come from a pool.
fn engine() -> wasmtime::Result<Engine> {
    let mut pool = PoolingAllocationConfig::new();
    // wit-component makes components of three core instances: the module, and two small ones that connect its imports.
    pool.total_component_instances(MAX_CONCURRENT_CALLS)
        .max_core_instances_per_component(4)
        .total_core_instances(4 * MAX_CONCURRENT_CALLS)
        .max_memories_per_component(1)
        .total_memories(MAX_CONCURRENT_CALLS)
        .max_memory_size(MAX_MEMORY_BYTES)
        .max_tables_per_component(4)
        .total_tables(4 * MAX_CONCURRENT_CALLS)
        .table_elements(MAX_TABLE_ELEMENTS)
        .total_stacks(MAX_CONCURRENT_CALLS)
        // Overwriting what a call wrote is faster than returning it to the system and asking for it again.
        .linear_memory_keep_resident(KEPT_MEMORY_BYTES)
        .table_keep_resident(MAX_TABLE_ELEMENTS * size_of::<usize>())
        // Linux 6.7 and later tell which pages a call wrote, so that only those are overwritten.
        .pagemap_scan(Enabled::Auto)
        .max_unused_warm_slots(0);
    let mut config = engine::config();
    config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
    Engine::new(&config)
}

/// Starts the thread that advances the engine's epoch every [`TICK`]. The thread ends with the engine.
fn start_ticker(engine: &Engine) {
    let engine = engine.weak();
    std::thread::spawn(move || {
        while let Some(engine) = engine.upgrade() {
            engine.increment_epoch();
            drop(engine);
            std::thread::sleep(TICK);
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::credentials::Credentials;
    use crate::permit::Permit;
    use crate::upstream::{Connection, ElksApi};

    #[tokio::test]
    async fn a_million_table_elements_are_not_given() {
        // SAFETY: made by the tests' own build script.
        #[expect(unsafe_code, reason = "the component is hostile, its compiler is not")]
        let sandbox = unsafe { Sandbox::from_image(hostile::GROWER, "") }.expect("imports nothing");
        let credentials = Arc::new(Credentials::new("u", "p"));
        let egress = Egress::new(Permit::new(vec![]), None, credentials, Arc::new(ElksApi::new(Connection::default())));
        let mut store = sandbox.store(egress);
        let instance = sandbox.pre.instantiate_async(&mut store).await.expect("instantiates");
        let grow = instance.get_typed_func::<(), (i32,)>(&mut store, "grow").expect("is exported");
        assert_eq!(grow.call_async(&mut store, ()).await.expect("returns"), (-1,));
        assert!(store.data().limiter.exceeded);
    }
}
