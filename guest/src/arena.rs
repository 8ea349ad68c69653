//! The component's allocator. An instance lives for one call, so most memory need not be given back: it comes from one
//! block that the instance has from the start, the arena, piece after piece.
//!
//! The usual allocator would begin by growing the memory, and the host would take it away again after the call: two
//! system calls, which stop all threads of the process for a moment. It is used when the arena is full.

use std::alloc::{GlobalAlloc, Layout};
use std::cell::{Cell, UnsafeCell};
use std::ptr;

/// The size of the component's arena, in bytes (192 KiB). A usual call takes less than 64 KiB, and a history of 100
/// messages about 150 KiB.
#[cfg(target_arch = "wasm32")]
const ARENA_BYTES: usize = 192 << 10;

/// An arena of so many bytes, and the allocator that takes over when it is full.
pub(crate) struct Arena<Behind, const BYTES: usize> {
    memory: UnsafeCell<Memory<BYTES>>,
    /// How many bytes of the memory are given out, from its beginning.
    used: Cell<usize>,
    behind: Behind,
}

/// Aligned as strictly as any type here needs. A stricter alignment is reached by leaving bytes out.
#[repr(C, align(16))]
struct Memory<const BYTES: usize>([u8; BYTES]);

impl<Behind, const BYTES: usize> Arena<Behind, BYTES> {
    /// An arena of which nothing is given out.
    pub(crate) const fn new(behind: Behind) -> Self {
        Self { memory: UnsafeCell::new(Memory([0; BYTES])), used: Cell::new(0), behind }
    }

    /// The beginning of the arena. No reference to its bytes is ever made: they belong to those they are given to.
    fn start(&self) -> *mut u8 {
        self.memory.get().cast()
    }

    /// Where a pointer stands in the arena; `None` when it came from the allocator behind.
    fn place(&self, pointer: *mut u8) -> Option<usize> {
        pointer.addr().checked_sub(self.start().addr()).filter(|place| *place < BYTES)
    }

    /// Takes the next bytes of the arena; `None` when they do not fit.
    fn take(&self, layout: Layout) -> Option<usize> {
        let address = self.start().addr() + self.used.get();
        // An alignment is a power of two: this is the distance to its next multiple.
        let left_out = address.wrapping_neg() & (layout.align() - 1);
        let place = self.used.get().checked_add(left_out)?;
        let end = place.checked_add(layout.size()).filter(|end| *end <= BYTES)?;
        self.used.set(end);
        Some(place)
    }

    /// Whether a block is the last one, so that its end can be moved.
    fn is_last(&self, place: usize, layout: Layout) -> bool {
        place + layout.size() == self.used.get()
    }
}

// SAFETY: a block of the arena lies between `start` and `start + BYTES`, because `take` checks its end, and no two
// blocks overlap: each begins at or after `used`, which only goes back to the beginning of a block that is given back,
// or to the new end of the last one. `take` aligns the address. Blocks from the allocator behind go back to it: the
// address tells which they are, because no allocator gives out the bytes of a static variable. Nothing here unwinds.
#[expect(unsafe_code, reason = "an allocator hands out memory")]
unsafe impl<Behind: GlobalAlloc, const BYTES: usize> GlobalAlloc for Arena<Behind, BYTES> {
    // One copy of each: in every place that makes or drops something, they would make the component a tenth larger.
    #[inline(never)]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        match self.take(layout) {
            // SAFETY: `take` has checked that the place is inside the arena.
            Some(place) => unsafe { self.start().add(place) },
            // SAFETY: the caller's layout, unchanged.
            None => unsafe { self.behind.alloc(layout) },
        }
    }

    #[inline(never)]
    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        match self.place(pointer) {
            Some(place) if self.is_last(place, layout) => self.used.set(place),
            // It stays taken until the instance ends.
            Some(_) => {}
            // SAFETY: it came from the allocator behind, with this layout.
            None => unsafe { self.behind.dealloc(pointer, layout) },
        }
    }

    #[inline(never)]
    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        let Some(place) = self.place(pointer) else {
            // SAFETY: it came from the allocator behind, with this layout.
            return unsafe { self.behind.realloc(pointer, layout, new_size) };
        };
        let end = place.saturating_add(new_size);
        if self.is_last(place, layout) && end <= BYTES {
            self.used.set(end);
            return pointer;
        }
        if new_size <= layout.size() {
            return pointer;
        }
        // SAFETY: the caller promises that the new size, rounded up to the alignment, is a valid layout.
        let moved = unsafe { self.alloc(Layout::from_size_align_unchecked(new_size, layout.align())) };
        if !moved.is_null() {
            // SAFETY: both blocks have at least the bytes of the old one, and they do not overlap.
            unsafe { ptr::copy_nonoverlapping(pointer, moved, layout.size()) };
        }
        moved
    }

    // `alloc_zeroed` is the one of the trait: it writes zeros, because a piece may have been used before.
}

/// The allocator of the component.
#[cfg(target_arch = "wasm32")]
#[global_allocator]
static ARENA: Arena<std::alloc::System, ARENA_BYTES> = Arena::new(std::alloc::System);

// SAFETY: an instance of the component has one thread. With threads, WebAssembly has the target feature `atomics`, and
// this does not compile.
#[cfg(all(target_arch = "wasm32", not(target_feature = "atomics")))]
#[expect(unsafe_code, reason = "a static variable must be shareable")]
unsafe impl<Behind, const BYTES: usize> Sync for Arena<Behind, BYTES> {}

#[cfg(test)]
#[expect(unsafe_code, reason = "an allocator is called through pointers")]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::alloc::System;

    const BYTES: usize = 4096;

    type Small = Arena<Counting, BYTES>;

    /// The system's allocator, with a count of the blocks that it has given out.
    #[derive(Default)]
    struct Counting(Cell<usize>);

    // SAFETY: the system's allocator does everything.
    unsafe impl GlobalAlloc for Counting {
        unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
            self.0.set(self.0.get() + 1);
            // SAFETY: as the caller promised.
            unsafe { System.alloc(layout) }
        }

        unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
            self.0.set(self.0.get() - 1);
            // SAFETY: as the caller promised.
            unsafe { System.dealloc(pointer, layout) }
        }
    }

    fn arena() -> Box<Small> {
        Box::new(Arena::new(Counting::default()))
    }

    fn bytes(size: usize) -> Layout {
        Layout::from_size_align(size, 1).expect("is a layout")
    }

    /// A block that a test holds, with the byte that fills it.
    struct Held {
        pointer: *mut u8,
        layout: Layout,
        fill: u8,
    }

    impl Held {
        fn fill(&self) {
            // SAFETY: the block has this many bytes, and the test owns it.
            unsafe { self.pointer.write_bytes(self.fill, self.layout.size()) };
        }

        fn is_intact(&self, size: usize) -> bool {
            // SAFETY: as above; `size` is not larger than the block.
            let bytes = unsafe { std::slice::from_raw_parts(self.pointer, size) };
            bytes.iter().all(|byte| *byte == self.fill)
        }
    }

    #[test]
    fn what_does_not_fit_comes_from_the_allocator_behind() {
        let arena = arena();
        // SAFETY: each block is given back once, with its layout.
        unsafe {
            let fits = arena.alloc(bytes(BYTES - 8));
            let does_not = arena.alloc(bytes(9));
            assert!(arena.place(fits).is_some() && arena.place(does_not).is_none());
            assert_eq!(arena.behind.0.get(), 1);
            let still_fits = arena.alloc(bytes(8));
            assert_eq!((arena.place(still_fits), arena.used.get()), (Some(BYTES - 8), BYTES));
            // The last block outgrows the arena and moves.
            still_fits.write_bytes(7, 8);
            let moved = arena.realloc(still_fits, bytes(8), 100);
            assert!(arena.place(moved).is_none() && std::slice::from_raw_parts(moved, 8) == [7; 8]);
            arena.dealloc(moved, bytes(100));
            arena.dealloc(does_not, bytes(9));
            assert_eq!(arena.behind.0.get(), 0, "each went back to where it came from");
            arena.dealloc(fits, bytes(BYTES - 8));
            assert!(arena.alloc(bytes(usize::MAX >> 2)).is_null(), "more than there is");
        }
    }

    #[test]
    fn the_last_block_grows_shrinks_and_goes_in_place() {
        let arena = arena();
        // SAFETY: each block is given back once, with its layout.
        unsafe {
            let first = arena.alloc(bytes(10));
            let last = arena.alloc(bytes(10));
            assert_eq!(arena.realloc(last, bytes(10), 50), last);
            assert_eq!(arena.realloc(last, bytes(50), 20), last);
            assert_eq!(arena.used.get(), 30);
            assert_eq!(arena.realloc(first, bytes(10), 5), first, "one before it cannot give bytes back");
            assert_ne!(arena.realloc(first, bytes(10), 11), first);
            assert_eq!(arena.used.get(), 41);
            arena.dealloc(first, bytes(10));
            assert_eq!(arena.used.get(), 41);
            let again = arena.alloc(bytes(4));
            again.write_bytes(9, 4);
            arena.dealloc(again, bytes(4));
            let zeroed = arena.alloc_zeroed(bytes(4));
            assert_eq!((zeroed, std::slice::from_raw_parts(zeroed, 4)), (again, &[0; 4][..]));
        }
    }

    proptest! {
        #[test]
        fn no_block_touches_another(steps in prop::collection::vec((0..4_u8, 1..700_usize, 0..8_u32, any::<prop::sample::Index>()), 1..200)) {
            let arena = arena();
            let mut held: Vec<Held> = Vec::new();
            for (at, (kind, size, align, which)) in steps.into_iter().enumerate() {
                let fill = u8::try_from(at % 251).expect("is a byte");
                if kind < 2 || held.is_empty() {
                    let layout = Layout::from_size_align(size, 1 << align).expect("is a layout");
                    // SAFETY: the size is not 0.
                    let pointer = unsafe { if kind == 0 { arena.alloc(layout) } else { arena.alloc_zeroed(layout) } };
                    prop_assert!(!pointer.is_null() && pointer.addr() % layout.align() == 0);
                    let mut new = Held { pointer, layout, fill: 0 };
                    prop_assert!(kind == 0 || new.is_intact(size), "is not zeroed");
                    new.fill = fill;
                    new.fill();
                    held.push(new);
                } else {
                    let mut block = held.swap_remove(which.index(held.len()));
                    prop_assert!(block.is_intact(block.layout.size()));
                    if kind == 2 {
                        // SAFETY: it is held, with this layout.
                        unsafe { arena.dealloc(block.pointer, block.layout) };
                    } else {
                        // SAFETY: as above, and the size is not 0.
                        block.pointer = unsafe { arena.realloc(block.pointer, block.layout, size) };
                        prop_assert!(block.is_intact(size.min(block.layout.size())));
                        prop_assert_eq!(block.pointer.addr() % block.layout.align(), 0);
                        block.layout = Layout::from_size_align(size, block.layout.align()).expect("is a layout");
                        block.fill = fill;
                        block.fill();
                        held.push(block);
                    }
                }
                prop_assert!(held.iter().all(|block| block.is_intact(block.layout.size())));
            }
            for block in held {
                // SAFETY: it is held, with this layout.
                unsafe { arena.dealloc(block.pointer, block.layout) };
            }
            prop_assert_eq!(arena.behind.0.get(), 0);
        }
    }
}
