//! The sandbox: a fresh instance of the component for every call, with bounds on memory, time and
//! bytes, and with nothing to reach but the door. Nothing survives a call, so there is no state to
//! attack.

use crate::contract::{self, Account};
use crate::door::Door;
use crate::engine;
use anyhow::{Context, Result, bail, ensure};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::time::Instant;
use wasmtime::component::{
    Component, ComponentExportIndex, ComponentType, InstancePre, Lift, Linker, Lower, ResourceTable,
    types::ComponentItem,
};
use wasmtime::{
    Engine, InstanceAllocationStrategy, PoolingAllocationConfig, ResourceLimiter, Store, StoreContextMut, Trap,
    UpdateDeadline,
};
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView};
use wasmtime_wasi_io::IoView;

/// The component, compiled ahead of time for this program's target.
const COMPILED: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/elks-sms.cwasm"));

/// The functions that a component may import, as `wit/` lists them: interface and name, a line each.
const IMPORTS: &str = include_str!(concat!(env!("OUT_DIR"), "/imports.txt"));

/// How many calls run at a time. One more waits; it does not fail.
pub const CALLS_AT_A_TIME: u32 = 16;

/// The largest linear memory, in bytes.
pub const MEMORY: usize = engine::MEMORY;

/// How much of it stays with the program from call to call, in bytes: what a usual call comes to
/// have. It is written over before the next call.
const MEMORY_KEPT: usize = 320 << 10;

/// The most elements of a table. The component's own tables hold a few hundred functions.
pub const TABLE_ELEMENTS: usize = 4096;

/// The most handles that a call may hold at a time. One request and its answer need about ten.
pub const HANDLES: usize = 128;

/// The most bytes that the component may hand over in one call of the host.
pub const HOSTCALL_BYTES: usize = 8 << 20;

/// The most bytes of headers, counted as they lie in memory. An honest request has three short ones.
pub const HEADER_BYTES: usize = 4096;

/// How long a call may take in all, waiting for 46elks included.
pub const CALL_TIME: Duration = Duration::from_secs(30);

/// How often computing is looked at.
const TICK: Duration = Duration::from_millis(10);

/// How many ticks a call may compute: a second. Waiting does not count. An honest call computes for
/// a few milliseconds at most.
pub const COMPUTING_TICKS: u32 = 100;

/// Why a call was stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stopped {
    /// It computed or waited for too long.
    OutOfTime,
    /// It wanted more memory or larger tables than it may have.
    OutOfMemory,
    /// It did something that no program may do, or gave up.
    Trapped,
    /// The embedded component could not be loaded at all.
    NotLoaded,
}

/// A function of the component.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Function {
    pub(crate) interface: &'static str,
    pub(crate) name: &'static str,
}

/// The loaded component, ready to be instantiated.
pub struct Sandbox {
    engine: Engine,
    component: Component,
    ready: InstancePre<State>,
    free: Semaphore,
}

/// What one call owns.
struct State {
    door: Door,
    table: ResourceTable,
    http: WasiHttpCtx,
    bounds: Bounds,
}

impl IoView for State {
    fn table(&mut self) -> &mut ResourceTable {
        &mut self.table
    }
}

impl WasiHttpView for State {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView { ctx: &mut self.http, table: &mut self.table, hooks: &mut self.door }
    }
}

/// What a call may take, and whether it wanted more.
#[derive(Default)]
struct Bounds {
    exceeded: bool,
}

impl Bounds {
    fn allow(&mut self, wanted: usize, most: usize) -> bool {
        self.exceeded |= wanted > most;
        wanted <= most
    }
}

impl ResourceLimiter for Bounds {
    fn memory_growing(&mut self, _: usize, wanted: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        Ok(self.allow(wanted, MEMORY))
    }

    fn table_growing(&mut self, _: usize, wanted: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        Ok(self.allow(wanted, TABLE_ELEMENTS))
    }
}

impl Sandbox {
    /// Loads the embedded component.
    ///
    /// # Errors
    /// When the image does not fit this program or machine.
    pub fn new() -> Result<Self> {
        // SAFETY: the image was made by this program's own build script and is part of the program.
        #[expect(unsafe_code, reason = "an image compiled ahead of time is trusted like the program that holds it")]
        unsafe {
            Self::from_image(COMPILED)
        }
    }

    /// Loads a component that was compiled ahead of time. The component need not be trusted; whoever
    /// compiled it must be.
    ///
    /// # Errors
    /// When the image does not fit this program or machine, or when the component imports anything
    /// that `wit/` does not list; the error names the import.
    ///
    /// # Safety
    /// The image must be what wasmtime's compiler made, unchanged: it is machine code.
    #[expect(unsafe_code, reason = "machine code is run as it is")]
    pub unsafe fn from_image(image: &[u8]) -> Result<Self> {
        let engine = engine()?;
        // SAFETY: the caller vouches for the image; wasmtime refuses one that was made with other
        // settings or by another version.
        let component = unsafe { Component::deserialize(&engine, image) };
        Self::with(
            engine,
            component.map_err(anyhow::Error::from).context("the component was not compiled for this program")?,
        )
    }

    /// Links a component with what `wit/` lists, and nothing more: one that imports anything else is
    /// refused here, with the name of the import.
    fn with(engine: Engine, component: Component) -> Result<Self> {
        check_imports(&engine, &component)?;
        let mut linker = Linker::<State>::new(&engine);
        wasmtime_wasi_io::add_to_linker_async(&mut linker)?;
        wasmtime_wasi_http::p2::add_only_http_to_linker_async(&mut linker)?;
        let ready = linker.instantiate_pre(&component)?;
        start_ticker(&engine);
        Ok(Self { engine, component, ready, free: Semaphore::new(CALLS_AT_A_TIME as usize) })
    }

    /// Calls a function in a fresh instance.
    pub(crate) async fn call<Request, Answer>(
        &self,
        function: Function,
        account: &Account,
        request: &Request,
        door: Door,
        deadline: Instant,
    ) -> Result<Result<Answer, contract::Error>, Stopped>
    where
        Request: ComponentType + Lower + Sync,
        Answer: ComponentType + Lift + Send + Sync + 'static,
    {
        // Taken before the store and given back after it: an instance leaves its place in the pool
        // before the next one comes.
        let Ok(Ok(_slot)) = tokio::time::timeout_at(deadline, self.free.acquire()).await else {
            return Err(Stopped::OutOfTime);
        };
        let mut store = self.store(door);
        let run = async {
            let index = self.index(function)?;
            let instance = self.ready.instantiate_async(&mut store).await?;
            let function = instance
                .get_typed_func::<(&Account, &Request), (Result<Answer, contract::Error>,)>(&mut store, &index)?;
            let (answer,) = function.call_async(&mut store, (account, request)).await?;
            anyhow::Ok(answer)
        };
        match tokio::time::timeout_at(deadline, run).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(_)) if store.data().bounds.exceeded => Err(Stopped::OutOfMemory),
            Ok(Err(error)) if error.downcast_ref() == Some(&Trap::Interrupt) => Err(Stopped::OutOfTime),
            Ok(Err(_)) => Err(Stopped::Trapped),
            Err(_) => Err(Stopped::OutOfTime),
        }
    }

    /// A store with every bound on.
    fn store(&self, door: Door) -> Store<State> {
        let mut table = ResourceTable::new();
        table.set_max_capacity(HANDLES);
        let mut http = WasiHttpCtx::new();
        http.set_field_size_limit(HEADER_BYTES);
        let mut store = Store::new(&self.engine, State { door, table, http, bounds: Bounds::default() });
        store.limiter(|state| &mut state.bounds);
        store.set_hostcall_fuel(HOSTCALL_BYTES);
        store.set_epoch_deadline(1);
        let computed = Arc::new(AtomicU32::new(0));
        // Called when the component computes while a tick passes: ticks that pass while it waits for
        // 46elks are not its own.
        store.epoch_deadline_callback(move |_: StoreContextMut<'_, State>| {
            let ticks = computed.fetch_add(1, Ordering::Relaxed);
            if ticks < COMPUTING_TICKS { Ok(UpdateDeadline::Yield(1)) } else { Err(Trap::Interrupt.into()) }
        });
        store
    }

    /// Where a function of an exported interface is.
    fn index(&self, function: Function) -> Result<ComponentExportIndex> {
        let interface = self.component.get_export_index(None, function.interface);
        let index = interface.and_then(|interface| self.component.get_export_index(Some(&interface), function.name));
        index.context("the component does not export this function")
    }
}

/// Refuses a component that imports a function which `wit/` does not list. The standard's interfaces
/// have many more, and linking an interface links them all.
fn check_imports(engine: &Engine, component: &Component) -> Result<()> {
    for (interface, import) in component.component_type().imports(engine) {
        let ComponentItem::ComponentInstance(instance) = import.ty else {
            bail!("the component imports {interface}, which wit/ does not list");
        };
        for (name, export) in instance.exports(engine) {
            let is_function = matches!(export.ty, ComponentItem::ComponentFunc(_));
            let listed = IMPORTS.lines().any(|line| line.split_once(' ') == Some((interface, name)));
            ensure!(!is_function || listed, "the component imports {name} of {interface}, which wit/ does not list");
        }
    }
    Ok(())
}

/// An engine whose instances come from a pool of ready slots.
fn engine() -> Result<Engine> {
    let mut pool = PoolingAllocationConfig::new();
    // A component that wit-component makes has three core instances: the module itself and the two
    // small ones that tie it to its imports.
    pool.total_component_instances(CALLS_AT_A_TIME)
        .max_core_instances_per_component(4)
        .total_core_instances(4 * CALLS_AT_A_TIME)
        .max_memories_per_component(1)
        .total_memories(CALLS_AT_A_TIME)
        .max_memory_size(MEMORY)
        .max_tables_per_component(4)
        .total_tables(4 * CALLS_AT_A_TIME)
        .table_elements(TABLE_ELEMENTS)
        .total_stacks(CALLS_AT_A_TIME)
        // What a call wrote is written over, not given back to the system and asked for again.
        .linear_memory_keep_resident(MEMORY_KEPT)
        .table_keep_resident(TABLE_ELEMENTS * size_of::<usize>())
        .max_unused_warm_slots(0);
    let mut config = engine::config();
    config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
    Ok(Engine::new(&config)?)
}

/// Lets time pass for the component. The thread ends with the engine.
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
    use crate::config::{Credentials, Secret};
    use crate::outside::Outside;
    use crate::permit::Permit;

    #[tokio::test]
    async fn a_million_table_elements_are_not_given() {
        // SAFETY: made by the tests' own build script.
        #[expect(unsafe_code, reason = "the component is hostile, its compiler is not")]
        let sandbox = unsafe { Sandbox::from_image(hostile::GROWER) }.expect("imports nothing");
        let credentials = Credentials { username: Secret::new("u"), password: Secret::new("p") };
        let outside = Arc::new(Outside::elks(&credentials));
        let mut store = sandbox.store(Door::new(Permit::new(vec![]), None, outside));
        let instance = sandbox.ready.instantiate_async(&mut store).await.expect("instantiates");
        let grow = instance.get_typed_func::<(), (i32,)>(&mut store, "grow").expect("is exported");
        assert_eq!(grow.call_async(&mut store, ()).await.expect("returns"), (-1,));
        assert!(store.data().bounds.exceeded);
    }
}
