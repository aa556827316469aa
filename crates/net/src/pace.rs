use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

/// Steps of handshakes in one turn of a thread; then all others who are ready have theirs. A step takes some 0.2 ms.
const STEPS: usize = 4;

/// Keeps a thread's handshakes from taking all of its time: when thousands come at once, those who are in already are
/// served as before.
#[derive(Debug)]
pub(crate) struct Pace {
    /// Steps that are left of this turn.
    left: Cell<usize>,
    waiting: RefCell<VecDeque<(Rc<Cell<bool>>, Waker)>>,
    keeper: RefCell<Option<Waker>>,
}

impl Default for Pace {
    fn default() -> Self {
        Self { left: Cell::new(STEPS), waiting: RefCell::default(), keeper: RefCell::default() }
    }
}

impl Pace {
    /// Runs a handshake in turns. `waits` hears whether it could go on and has to wait for its next one.
    pub(crate) async fn keep<F: Future>(&self, handshake: F, waits: impl Fn(bool)) -> F::Output {
        let mut handshake = pin!(handshake);
        let mut turn: Option<Rc<Cell<bool>>> = None;
        poll_fn(|cx| {
            match &turn {
                Some(turn) if !turn.get() => return Poll::Pending,
                Some(_) => {}
                None if self.take_step() => {}
                None => {
                    turn = Some(self.line_up(cx));
                    waits(true);
                    return Poll::Pending;
                }
            }
            if turn.take().is_some() {
                waits(false);
            }
            handshake.as_mut().poll(cx)
        })
        .await
    }

    fn take_step(&self) -> bool {
        let left = self.left.get();
        if left == 0 || !self.waiting.borrow().is_empty() {
            return false;
        }
        self.left.set(left - 1);
        self.wake_keeper();
        true
    }

    fn line_up(&self, cx: &Context<'_>) -> Rc<Cell<bool>> {
        let turn = Rc::<Cell<bool>>::default();
        self.waiting.borrow_mut().push_back((turn.clone(), cx.waker().clone()));
        self.wake_keeper();
        turn
    }

    fn wake_keeper(&self) {
        if let Some(keeper) = self.keeper.borrow_mut().take() {
            keeper.wake();
        }
    }

    /// The next turn begins.
    fn turn(&self) {
        let mut left = STEPS;
        let mut waiting = self.waiting.borrow_mut();
        while left > 0
            && let Some((turn, waker)) = waiting.pop_front()
        {
            // Of one who has gone meanwhile nobody else knows.
            left -= usize::from(Rc::strong_count(&turn) > 1);
            turn.set(true);
            waker.wake();
        }
        self.left.set(left);
    }
}

/// A thread's task that gives out turns.
pub(crate) async fn turns(pace: Rc<Pace>) {
    loop {
        poll_fn(|cx| {
            if pace.left.get() < STEPS {
                return Poll::Ready(());
            }
            *pace.keeper.borrow_mut() = Some(cx.waker().clone());
            Poll::Pending
        })
        .await;
        // Everybody who is ready is before this.
        tokio::task::yield_now().await;
        pace.turn();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes three steps.
    async fn handshake(log: &RefCell<Vec<usize>>, who: usize) {
        for _ in 0..3 {
            log.borrow_mut().push(who);
            tokio::task::yield_now().await;
        }
    }

    fn run<F: Future>(future: F) -> F::Output {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        tokio::task::LocalSet::new().block_on(&runtime, future)
    }

    #[test]
    fn all_come_to_their_end_in_order_and_others_between() {
        run(async {
            let (pace, log) = (Rc::<Pace>::default(), Rc::new(RefCell::new(Vec::new())));
            tokio::task::spawn_local(turns(pace.clone()));
            let tasks: Vec<_> = (0..40)
                .map(|who| {
                    let (pace, log) = (pace.clone(), log.clone());
                    tokio::task::spawn_local(async move { pace.keep(handshake(&log, who), |_| {}).await })
                })
                .collect();
            let (seen, other) = (log.clone(), RefCell::new(Vec::new()));
            while seen.borrow().len() < 120 {
                let before = seen.borrow().len();
                tokio::task::yield_now().await;
                other.borrow_mut().push(seen.borrow().len() - before);
            }
            for task in tasks {
                task.await.unwrap();
            }
            let most = other.borrow().iter().copied().max().unwrap();
            assert!(most <= 3 * STEPS, "{most} steps of handshakes in a row");
            let firsts: Vec<usize> = log.borrow()[..40].to_vec();
            assert!(firsts.is_sorted(), "{firsts:?}");
        });
    }

    #[test]
    fn who_goes_while_it_waits_takes_no_turn_from_others() {
        run(async {
            let pace = Rc::<Pace>::default();
            tokio::task::spawn_local(turns(pace.clone()));
            let (waits, log) = (Cell::new(0), RefCell::new(Vec::new()));
            let mut all: Vec<_> = (0..100)
                .map(|who| {
                    let change = |is: bool| waits.set(waits.get() + if is { 1 } else { -1 });
                    Box::pin(pace.keep(handshake(&log, who), change))
                })
                .collect();
            poll_fn(|cx| {
                for one in &mut all {
                    let _ = one.as_mut().poll(cx);
                }
                Poll::Ready(())
            })
            .await;
            assert_eq!(waits.get(), 100 - STEPS as i32);
            let mut last = all.pop().unwrap();
            drop(all);
            last.as_mut().await;
            assert_eq!(log.borrow()[STEPS..], [99; 3]);
        });
    }
}
